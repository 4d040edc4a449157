#include "format/record/xml/media_sidecar.h"

#include "format/document/page_text.h"
#include "format/instant.h"

namespace perdure::format {

namespace {

/// A caption is for reading beside a picture; the whole text is in the export's data.
constexpr std::size_t caption_bytes_max = 16 << 10;

void property(std::string& out, std::string_view name, std::string_view value) {
    auto const text = page_text(value);
    if (text.empty()) return;
    out += "   <";
    out += name;
    out += '>';
    escape_text(out, text);
    out += "</";
    out += name;
    out += ">\n";
}

/// A text in any language (XMP's LangAlt).
void in_words(std::string& out, std::string_view name, std::string_view value) {
    auto const text = page_text(value);
    if (text.empty()) return;
    out += "   <";
    out += name;
    out += "><rdf:Alt><rdf:li xml:lang=\"x-default\">";
    escape_text(out, text);
    out += "</rdf:li></rdf:Alt></";
    out += name;
    out += ">\n";
}

void keywords(std::string& out, data::Record const& record) {
    if (record.tags.empty()) return;
    out += "   <dc:subject><rdf:Bag>\n";
    for (auto const& tag : record.tags) {
        out += "    <rdf:li>";
        escape_text(out, page_text(tag));
        out += "</rdf:li>\n";
    }
    out += "   </rdf:Bag></dc:subject>\n";
}

std::string instant(std::optional<Timestamp> const& time) {
    return time ? exact_rfc3339(*time) : std::string();
}

}  // namespace

bool wants_sidecars(ExportInfo const& info) {
    auto const found = info.options.find("xmp-sidecars");
    return found != info.options.end() && found->second != "no";
}

std::string media_sidecar(data::Record const& record, data::MediaRef const& ref,
                          MediaFile const& file, ExportInfo const& info) {
    std::string out =
        "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
        " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
        "  <rdf:Description rdf:about=\"\"\n"
        "    xmlns:dc=\"http://purl.org/dc/elements/1.1/\"\n"
        "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
        "    xmlns:photoshop=\"http://ns.adobe.com/photoshop/1.0/\"\n"
        "    xmlns:perdure=\"urn:perdure:media:1\">\n";
    property(out, "dc:format", file.media_type);
    in_words(out, "dc:title", record.title);
    auto const caption =
        file.description.empty() ? record.body : std::string_view(file.description);
    in_words(out, "dc:description", shortened(page_text(caption), caption_bytes_max));
    keywords(out, record);
    auto const taken = file.taken ? file.taken : record.created;
    property(out, "xmp:CreateDate", instant(taken));
    property(out, "photoshop:DateCreated", instant(taken));
    property(out, "xmp:CreatorTool", info.program);
    property(out, "perdure:source", info.source);
    property(out, "perdure:path", ref.path);
    property(out, "perdure:type", record.type);
    property(out, "perdure:record", record.id);
    property(out, "perdure:project", record.project);
    property(out, "perdure:category", record.category);
    property(out, "perdure:collection", record.collection);
    property(out, "perdure:created", instant(record.created));
    property(out, "perdure:updated", instant(record.updated));
    out +=
        "  </rdf:Description>\n"
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        "<?xpacket end=\"w\"?>\n";
    return out;
}

}  // namespace perdure::format
