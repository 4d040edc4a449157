#include "format/document/epub/book_package.h"

#include <fmt/format.h>

#include "format/document/body/links.h"
#include "format/document/epub/book_text.h"
#include "format/document/page_text.h"

namespace perdure::format {

namespace {

/// With more records the table of contents names chapters only.
constexpr std::uint64_t records_in_contents_max = 400;

constexpr std::string_view container =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
)";

std::string metadata(ExportInfo const& info, BookFacts const& facts) {
    std::string out = fmt::format(
        R"(<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{}</dc:identifier>
<dc:title>{}</dc:title>
<dc:language>en</dc:language>
)",
        escaped(facts.identifier), escaped(facts.title));
    for (auto const& language : facts.languages) {
        out += fmt::format("<dc:language>{}</dc:language>\n", language);
    }
    out += fmt::format(
        R"(<dc:creator>{source}</dc:creator>
<dc:publisher>{program}</dc:publisher>
<dc:date>{date}</dc:date>
<dc:description>{description}</dc:description>
<meta property="dcterms:modified">{date}</meta>
<meta property="schema:accessMode">textual</meta>
)",
        fmt::arg("source", escaped(page_text(info.source))),
        fmt::arg("program", escaped(page_text(info.program))),
        fmt::arg("date", to_rfc3339(info.as_of)),
        fmt::arg("description", escaped(facts.description)));
    if (facts.has_pictures) out += "<meta property=\"schema:accessMode\">visual</meta>\n";
    out += R"(<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityFeature">displayTransformability</meta>
<meta property="schema:accessibilityFeature">readingOrder</meta>
)";
    if (facts.has_pictures) {
        out += "<meta property=\"schema:accessibilityFeature\">alternativeText</meta>\n";
    }
    if (facts.has_index) {
        out += "<meta property=\"schema:accessibilityFeature\">index</meta>\n";
    }
    return out + R"(<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">Text that reflows, with headings, a )"
                 R"(table of contents and landmarks. Pictures carry their own captions, or else )"
                 R"(their file names, as descriptions.</meta>
<meta name="cover" content="cover-image"/>
</metadata>
)";
}

std::string landmarks(BookFacts const& facts) {
    return fmt::format(
        R"(<nav epub:type="landmarks" aria-label="Landmarks" hidden="hidden">
<ol>
<li><a epub:type="cover" href="cover.xhtml">Cover</a></li>
<li><a epub:type="titlepage" href="title.xhtml">Title page</a></li>
<li><a epub:type="toc" href="nav.xhtml#toc">Contents</a></li>
{}{}</ol>
</nav>
</body>
</html>
)",
        facts.first_text.empty()
            ? ""
            : fmt::format("<li><a epub:type=\"bodymatter\" href=\"{}\">Text</a></li>\n",
                          facts.first_text),
        facts.has_index ? "<li><a epub:type=\"index\" href=\"index-1.xhtml\">Index</a></li>\n"
                        : "");
}

}  // namespace

BookPackage::BookPackage(OutputTree& tree, Tally& tally, Timestamp modified)
    : tree_(tree),
      tally_(tally),
      modified_(modified),
      manifest_(tree, "book-manifest"),
      spine_(tree, "book-spine"),
      contents_(tree, "book-contents") {}

Result<void> BookPackage::put(std::string const& name, std::string_view text) {
    return put_file(tree_, tally_, name, text, {.modified = modified_});
}

Result<void> BookPackage::begin() {
    // First, stored, and its size known before: readers look for it at a fixed place.
    PD_CHECK(put_file(tree_, tally_, "mimetype", "application/epub+zip",
                      {.modified = modified_, .compressible = false}));
    return put("META-INF/container.xml", container);
}

Result<void> BookPackage::add_text(std::string const& address, std::string_view markup) {
    PD_CHECK(put("EPUB/" + address, markup));
    ++items_;
    PD_CHECK(manifest_.append(
        fmt::format("<item id=\"i{}\" href=\"{}\" media-type=\"application/xhtml+xml\"/>\n", items_,
                    url_path(address))));
    return spine_.append(fmt::format("<itemref idref=\"i{}\"/>\n", items_));
}

Result<void> BookPackage::note_resource(std::string const& address, std::string_view media_type) {
    ++items_;
    return manifest_.append(fmt::format("<item id=\"i{}\" href=\"{}\" media-type=\"{}\"/>\n",
                                        items_, url_path(address), escaped(media_type)));
}

Result<void> BookPackage::add_to_contents(TocEntry const& entry) {
    Encoder out;
    out.varint(entry.level);
    out.text(entry.address);
    out.text(entry.title);
    return contents_.append_frame(out.view());
}

/// nav.xhtml, written while the spool is read.
Result<void> BookPackage::put_contents(BookFacts const& facts) {
    PD_TRY(auto const out, tree_.create("EPUB/nav.xhtml", {.modified = modified_}));
    std::string text = book_head("Contents", "book.css", "");
    text += fmt::format(
        R"(<nav epub:type="toc" role="doc-toc" id="toc" aria-labelledby="toc-title">
<h1 id="toc-title">Contents</h1>
<ol>
<li><a href="title.xhtml">{}</a></li>
)",
        escaped(facts.title));
    std::uint64_t bytes = 0;
    auto const settle = [&](std::size_t least) -> Result<void> {
        if (text.size() < least) return {};
        bytes += text.size();
        PD_CHECK(out->write(std::string_view(text)));
        text.clear();
        return {};
    };
    unsigned open = 1;  // the level whose <ol> is open
    bool first = true;
    auto const to_level = [&](unsigned level) {
        for (; open > level; --open) text += "</li>\n</ol>\n";
        if (open < level) {
            text += "\n<ol>\n";
            ++open;
        } else if (!first) {
            text += "</li>\n";
        }
    };
    bool const with_records = facts.records <= records_in_contents_max;
    PD_CHECK(contents_.frames([&](ByteView frame) -> Result<void> {
        Decoder in(frame);
        PD_TRY(auto const level, in.varint());
        PD_TRY(auto const address, in.text(frame.size()));
        PD_TRY(auto const title, in.text(frame.size()));
        if (level == 3 && !with_records) return {};
        // A record outside every chapter stands where the chapter would.
        to_level(std::min(static_cast<unsigned>(level), first ? 1 : open + 1));
        first = false;
        text += fmt::format(R"(<li><a href="{}" dir="auto">{}</a>)", address, escaped(title));
        return settle(64 << 10);
    }));
    for (; open > 1; --open) text += "</li>\n</ol>\n";
    if (!first) text += "</li>\n";
    if (facts.has_index) text += "<li><a href=\"index-1.xhtml\">Index</a></li>\n";
    text += "<li><a href=\"colophon.xhtml\">About this book</a></li>\n</ol>\n</nav>\n";
    text += landmarks(facts);
    PD_CHECK(settle(0));
    PD_CHECK(out->finish());
    count_file(tally_, bytes);
    return {};
}

Result<void> BookPackage::put_package(ExportInfo const& info, BookFacts const& facts) {
    PD_TRY(auto const out, tree_.create("EPUB/package.opf", {.modified = modified_}));
    std::uint64_t bytes = 0;
    auto const write = [&](std::string_view text) {
        bytes += text.size();
        return out->write(text);
    };
    PD_CHECK(write(metadata(info, facts)));
    PD_CHECK(write(R"(<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="style" href="book.css" media-type="text/css"/>
<item id="cover-image" href="cover.svg" media-type="image/svg+xml" properties="cover-image"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>
<item id="title" href="title.xhtml" media-type="application/xhtml+xml"/>
<item id="colophon" href="colophon.xhtml" media-type="application/xhtml+xml"/>
)"));
    PD_CHECK(manifest_.replay(write));
    PD_CHECK(
        write("</manifest>\n<spine>\n<itemref idref=\"cover\"/>\n<itemref idref=\"title\"/>\n"
              "<itemref idref=\"nav\"/>\n"));
    PD_CHECK(spine_.replay(write));
    PD_CHECK(write("<itemref idref=\"colophon\"/>\n</spine>\n</package>\n"));
    PD_CHECK(out->finish());
    count_file(tally_, bytes);
    return {};
}

Result<void> BookPackage::finish(ExportInfo const& info, BookFacts const& facts) {
    PD_CHECK(put_contents(facts));
    return put_package(info, facts);
}

Result<void> BookPackage::save(Encoder& out) {
    for (auto* spool : {&manifest_, &spine_, &contents_}) {
        PD_CHECK(spool->flush());
        out.varint(spool->size_bytes());
    }
    out.varint(items_);
    return {};
}

Result<void> BookPackage::load(Decoder& in) {
    for (auto* spool : {&manifest_, &spine_, &contents_}) {
        PD_TRY(auto const size, in.varint());
        PD_CHECK(spool->resume(size));
    }
    PD_TRY(items_, in.varint());
    return {};
}

}  // namespace perdure::format
