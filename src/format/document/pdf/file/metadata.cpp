#include "format/document/pdf/file/metadata.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/hash.h"
#include "format/document/page_text.h"

namespace perdure::format::pdf {

namespace {

std::string language_of_book(ExportInfo const& info) {
    auto const found = info.options.find("lang");
    if (found == info.options.end()) return "en";
    bool const plain =
        !found->second.empty() && found->second.size() < 36 &&
        std::ranges::all_of(
            found->second,
            [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; });
    return plain ? found->second : "en";
}

/// The same facts as the document information, for programs that read XMP (ISO 16684-1).
std::string xmp(ExportInfo const& info) {
    auto const title = escaped(page_text(info.title));
    auto const date = to_rfc3339(info.as_of);
    auto const program = escaped(page_text(info.program));
    return fmt::format(
        "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
        "<rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\""
        " xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\n"
        "<dc:format>application/pdf</dc:format>\n"
        "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:title>\n"
        "<dc:language><rdf:Bag><rdf:li>{}</rdf:li></rdf:Bag></dc:language>\n"
        "<xmp:CreateDate>{}</xmp:CreateDate>\n<xmp:ModifyDate>{}</xmp:ModifyDate>\n"
        "<xmp:CreatorTool>{}</xmp:CreatorTool>\n<pdf:Producer>{}</pdf:Producer>\n"
        "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>",
        title, language_of_book(info), date, date, program, program);
}

struct Named {
    std::string names, list;  ///< for the name tree; for /AF
};

Result<Named> name_files(Objects& objects, std::vector<AttachedFile> files) {
    // A name tree is sorted.
    std::ranges::sort(files, {}, [](AttachedFile const& file) { return text_string(file.name); });
    Named named;
    for (auto const& file : files) {
        auto const name = text_string(file.name);
        PD_TRY(Number const specification,
               objects.add(fmt::format(
                   "<</Type/Filespec/F{}/UF{}/Desc{}/AFRelationship/Source/EF<</F {} 0 R/UF {} 0 "
                   "R>>>>",
                   name, name, text_string(file.description), file.stream, file.stream)));
        named.names += fmt::format("{} {} 0 R ", name, specification);
        named.list += fmt::format("{} 0 R ", specification);
    }
    return named;
}

}  // namespace

std::string date_string(Timestamp time) {
    auto digits = to_rfc3339(time);  // 2024-03-14T09:30:00Z
    std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
    return "(D:" + digits + "Z)";
}

Result<Objects::Trailer> write_catalog(Objects& objects, Catalog const& catalog) {
    auto const& info = catalog.info;
    PD_TRY(auto const named, name_files(objects, catalog.files));
    auto const metadata = objects.reserve();
    // Uncompressed: programs that know no PDF find it by searching.
    PD_CHECK(objects.put_raw_stream(metadata, "/Type/Metadata/Subtype/XML", as_bytes(xmp(info))));
    auto body = fmt::format(
        "<</Type/Catalog/Pages {} 0 R/Outlines {} 0 R/StructTreeRoot {} 0 R/MarkInfo<</Marked "
        "true>>/Lang({})/Metadata {} 0 R/PageMode/UseOutlines/ViewerPreferences<</DisplayDocTitle "
        "true>>/PageLabels<</Nums[0<</S/r>>{}<</S/D>>]>>",
        catalog.pages, catalog.outline, catalog.structure, language_of_book(info), metadata,
        catalog.front_pages);
    if (!named.names.empty()) {
        body +=
            fmt::format("/Names<</EmbeddedFiles<</Names[{}]>>>>/AF[{}]", named.names, named.list);
    }
    Objects::Trailer trailer;
    PD_TRY(trailer.root, objects.add(body + ">>"));
    auto const date = date_string(info.as_of);
    auto const program = text_string(page_text(info.program));
    PD_TRY(trailer.info, objects.add(fmt::format(
                             "<</Title{}/Creator{}/Producer{}/CreationDate{}/ModDate{}>>",
                             text_string(page_text(info.title)), program, program, date, date)));
    auto const identity =
        fmt::format("{}\n{}\n{}\n{}\n{}\n{}", info.title, info.source, info.snapshot,
                    to_rfc3339(info.as_of), catalog.records, objects.size_bytes());
    trailer.id = to_hex(crypto::sha256(as_bytes(identity))).substr(0, 32);
    return trailer;
}

}  // namespace perdure::format::pdf
