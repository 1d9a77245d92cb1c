"""Every command there is, in the order `/help` shows them."""

from handlers.command import Catalogue
from handlers.commands.categories import CATEGORIES
from handlers.commands.config import EXPORT, FORGET_ME, IMPORT
from handlers.commands.delivery import CATCH_UP, RESEND
from handlers.commands.digest import DIGEST
from handlers.commands.exports import BIBTEX, SAVED
from handlers.commands.feed import FEED
from handlers.commands.follow import FOLLOW, FOLLOWS, UNFOLLOW
from handlers.commands.help import help_command
from handlers.commands.learned import LEARNED
from handlers.commands.manage import MANAGE
from handlers.commands.owner import OWNER
from handlers.commands.papers import MARK, PAPER, SUMMARY
from handlers.commands.schedule import PAUSE, RESUME, SCHEDULE
from handlers.commands.search import RESULTS, SEARCH
from handlers.commands.settings import SETTINGS
from handlers.commands.share import SHARE
from handlers.commands.start import START
from handlers.commands.status import STATUS
from handlers.commands.topics import TOPICS
from handlers.commands.why import WHY
from handlers.commands.zotero import ZOTERO

COMMANDS: Catalogue = (
    START,
    help_command(lambda: COMMANDS),
    TOPICS,
    CATEGORIES,
    DIGEST,
    WHY,
    PAPER,
    MARK,
    SUMMARY,
    BIBTEX,
    SAVED,
    SEARCH,
    RESULTS,
    LEARNED,
    FOLLOW,
    UNFOLLOW,
    FOLLOWS,
    STATUS,
    SCHEDULE,
    PAUSE,
    RESUME,
    RESEND,
    CATCH_UP,
    SETTINGS,
    EXPORT,
    IMPORT,
    SHARE,
    FEED,
    ZOTERO,
    MANAGE,
    FORGET_ME,
    OWNER,
)
