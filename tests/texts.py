"""Papers made up for tests: pages as LaTeXML writes them, and PDFs of our own making."""

import zlib

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Teapots</title><script>let site = "chrome";</script></head><body>
<header class="desktop_header"><a href="https://info.arxiv.org/about">Why HTML?</a></header>
<nav class="ltx_page_navbar"><ol><li><a href="#S1">1 Introduction</a></li></ol></nav>
<div class="ltx_page_main"><div id="infobox">License: CC BY 4.0</div><div class="ltx_page_content">
<article class="ltx_document">
<h1 class="ltx_title ltx_title_document">Teapots</h1>
<div class="ltx_authors"><span class="ltx_creator">Ada Vale <a href="mailto:">ada@example.org</a></span></div>
<div class="ltx_abstract"><h6 class="ltx_title ltx_title_abstract">Abstract</h6>
<p class="ltx_p">We count teapots, all
of them.</p></div>
{body}
</article>
</div><footer class="ltx_page_footer"><a href="https://math.nist.gov/~BMiller/LaTeXML/">LaTeXML</a></footer></div>
<button>Report GitHub Issue</button></body></html>"""

_BIBLIOGRAPHY = """<section id="bib" class="ltx_bibliography"><h2 class="ltx_title ltx_title_bibliography">References</h2>
<ul class="ltx_biblist"><li class="ltx_bibitem"><span class="ltx_tag ltx_tag_bibitem">[1]</span>
<span class="ltx_bibblock">J. Oak. </span> <span class="ltx_bibblock">Kettles, 2019. </span></li></ul></section>"""


def make_section(title, *blocks, number="", kind="section", inner=""):
    """A section with its heading and paragraphs (or any other markup), and the markup of those below it."""
    tag = f'<span class="ltx_tag ltx_tag_{kind}">{number} </span>' if number else ""
    paragraphs = "".join(
        each if each.startswith("<") else f'<div class="ltx_para"><p class="ltx_p">{each}</p></div>' for each in blocks
    )
    heading = f'<h2 class="ltx_title ltx_title_{kind}">{tag}{title}</h2>'
    return f'<section class="ltx_{kind}">{heading}{paragraphs}{inner}</section>'


def make_math(tex, display="inline"):
    """A formula as LaTeXML writes it: MathML, and its TeX twice."""
    return (
        f'<math class="ltx_Math" alttext="{tex}" display="{display}"><semantics><mrow><mi>twice</mi></mrow>'
        f'<annotation encoding="application/x-tex">{tex}</annotation></semantics></math>'
    )


def make_page(*sections, bibliography=_BIBLIOGRAPHY):
    """A whole page, site included."""
    return PAGE.format(body="".join(sections) + bibliography).encode()


def make_long_page(size):
    """A page of at least `size` bytes, with formulas, citations and a table in it."""
    words = "We count teapots and kettles with great care, as nobody did before. " * 6
    cite = '<cite class="ltx_cite">[<a href="#bib.bib1" class="ltx_ref">1</a>]</cite>'
    row = '<tr class="ltx_tr"><td class="ltx_td">pots</td><td class="ltx_td">3.5</td></tr>'
    block = f"{words}{make_math('x_{1}^{2}')}{cite} {words}{make_math('e^{-t}')}"
    table = f'<figure class="ltx_table"><table class="ltx_tabular">{row * 8}</table></figure>'
    section = make_section("Counting", *[block] * 6, table, number="1")
    return make_page(section * (size // len(section) + 1))


def make_pdf(*pages, links=(), extra=""):
    """A PDF with one text line per string; `links` are annotations of each page, `extra` goes into the trailer."""
    annotations = "".join(
        f"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI ({each}) >> >>" for each in links
    )
    font = "<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()]
    for number, lines in enumerate(pages):
        packed = zlib.compress(_write_lines(lines))
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font {font} >> "
            f"/Contents {4 + 2 * number} 0 R /Annots [{annotations}] >>".encode(),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed),
        ]
    return _write_objects(objects, extra)


def make_swelling_pdf(size):
    """A PDF of some kilobytes whose page, deflated twice, has at least `size` bytes."""
    step = 16 * 1024 * 1024
    packer = zlib.compressobj(9)
    first, block = (packer.compress(b" " * step) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    packed = zlib.compress(first + block * (size // step) + packer.flush(), 9)
    return _write_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
            b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%b\nendstream" % (len(packed), packed),
        ]
    )


def _write_lines(lines):
    shown = " ".join(f"({each.translate(_ESCAPES)}) Tj T*" for each in lines)
    return f"BT /F1 9 Tf 12 TL 40 760 Td {shown} ET".encode("cp1252")


_ESCAPES = str.maketrans({"(": r"\(", ")": r"\)", "\\": r"\\"})


def _write_objects(objects, extra=""):
    pieces, offsets, size = [b"%PDF-1.5\n"], [], 9
    for number, each in enumerate(objects, 1):
        offsets.append(size)
        pieces.append(b"%d 0 obj\n%b\nendobj\n" % (number, each))
        size += len(pieces[-1])
    rows = b"".join(b"%010d 00000 n \n" % each for each in offsets)
    count = len(objects) + 1
    pieces.append(b"xref\n0 %d\n0000000000 65535 f \n%b" % (count, rows))
    pieces.append(f"trailer << /Size {count} /Root 1 0 R {extra} >>\nstartxref\n{size}\n%%EOF\n".encode())
    return b"".join(pieces)
