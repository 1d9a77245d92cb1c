"""Templates, with everything escaped that is not known to be markup; and in which language a stranger is spoken to."""

from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.language import ENGLISH, Languages, base_language, tr
from bot.web.assets import load_assets

_MOST_TAGS = 20


class Templates:
    """The bundled templates. Addresses begin with the path of `public_url`, where what serves us to the world has one."""

    def __init__(self, public_url: str = "", languages: Languages | None = None) -> None:
        self.languages = languages or Languages()
        self.base = urlsplit(public_url).path.rstrip("/")
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "base": self.base,
            "assets": {
                name.partition(".")[0]: f"{self.base}/static/{each.name}" for name, each in load_assets().items()
            },
        }

    def render(self, name: str, language: str, **values: object) -> str:
        """The template's text. It must be called while `language`, or English in its stead, is spoken."""
        lang = language if self.languages.has(language) else ENGLISH
        return self._environment.get_template(name).render(lang=lang, skip=tr("Skip to the content"), **values)

    def choose_language(self, accepted: str) -> str:
        """The first language of an Accept-Language header that the bot speaks, else English."""
        for tag in accepted.split(",")[:_MOST_TAGS]:
            code = base_language(tag.partition(";")[0])
            if code and self.languages.has(code):
                return code
        return ENGLISH
