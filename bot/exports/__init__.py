"""Papers as files for reference managers and spreadsheets. Pure: papers in, the text of a file out."""

from bot.exports.reference import Reference
from bot.exports.writing import FORMATS, Format, write_file

__all__ = ["FORMATS", "Format", "Reference", "write_file"]
