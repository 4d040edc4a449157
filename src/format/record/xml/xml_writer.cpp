#include "format/record/xml/xml_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "format/base64.h"
#include "format/instant.h"
#include "format/record/json_text.h"
#include "format/record/media_inside.h"
#include "format/record/text_writer.h"
#include "format/record/xml/xml_text.h"

namespace perdure::format {

namespace {

constexpr char file_name[] = "records.xml";

/// `<name>text</name>`
void element(std::string& out, std::string_view name, std::string_view text) {
    out += '<';
    out += name;
    xml_rest(out, text);
    out += "</";
    out += name;
    out += '>';
}

void double_text(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "INF" : "-INF";
    } else {
        json_double(out, value);
    }
}

void double_rest(std::string& out, double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    out += " type=\"double\"";
    if (std::isnan(value) && bits != 0x7ff8000000000000ULL) {
        fmt::format_to(std::back_inserter(out), " bits=\"{:016x}\"", bits);
    }
    out += '>';
    double_text(out, value);
    out += "</field>";
}

/// The rest of `<field name="…"`.
void value_rest(std::string& out, data::ValueView const& value) {
    if (auto const* text = std::get_if<std::string_view>(&value)) {
        xml_rest(out, *text);
        out += "</field>";
    } else if (auto const* number = std::get_if<std::int64_t>(&value)) {
        char digits[24];
        auto const end = std::to_chars(digits, digits + sizeof digits, *number).ptr;
        out += " type=\"integer\">";
        out.append(digits, static_cast<std::size_t>(end - digits));
        out += "</field>";
    } else if (auto const* real = std::get_if<double>(&value)) {
        double_rest(out, *real);
    } else if (auto const* bytes = std::get_if<ByteView>(&value)) {
        out += " type=\"bytes\" encoding=\"base64\">";
        append_base64(out, *bytes);
        out += "</field>";
    } else {
        out += " type=\"null\"/>";
    }
}

void roles(std::string& out, data::Record const& record) {
    auto const role = [&](std::string_view name, std::string_view text) {
        if (text.empty()) return;
        out += "<role name=\"";
        out += name;
        out += '"';
        xml_rest(out, text);
        out += "</role>";
    };
    auto const in_a_column = [&](std::string_view text) {
        return std::ranges::any_of(record.fields, [&](data::FieldView const& field) {
            auto const* own = std::get_if<std::string_view>(&field.value);
            return own && *own == text;
        });
    };
    if (!in_a_column(record.title)) role("title", record.title);
    if (!in_a_column(record.body)) role("body", record.body);
    role("project", record.project);
    role("category", record.category);
    role("collection", record.collection);
    if (record.created) role("created", exact_rfc3339(*record.created));
    if (record.updated) role("updated", exact_rfc3339(*record.updated));
    role("subject", record.subject);
    role("subject_label", record.subject_label);
}

void embedding(std::string& out, data::Record const& record) {
    if (!record.embedding) return;
    out += "<embedding";
    xml_attribute_or_base64(out, "model", record.embedding->model);
    xml_attribute_or_base64(out, "dtype", record.embedding->dtype);
    out += '>';
    append_base64(out, record.embedding->vector);
    out += "</embedding>";
}

void media_list(std::string& out, data::Record const& record) {
    for (auto const& media : record.media) {
        out += "<media";
        if (media.present) {
            fmt::format_to(std::back_inserter(out), " size=\"{}\"", media.size);
        } else {
            out += " missing=\"true\"";
        }
        xml_rest(out, media.path);
        out += "</media>";
    }
}

void about(std::string& out, ExportInfo const& info) {
    out += "<about>";
    element(out, "program", info.program);
    element(out, "title", info.title);
    element(out, "source", info.source);
    if (!info.snapshot.empty()) element(out, "snapshot", info.snapshot);
    element(out, "as-of", exact_rfc3339(info.as_of));
    for (auto const& condition : info.filter) element(out, "filter", condition);
    out += "</about>\n";
}

void type_columns(std::string& out, data::RecordType const& type) {
    out += "<type";
    xml_attribute_or_base64(out, "name", type.type);
    out += '>';
    for (std::size_t i = 0; i < type.columns.size(); ++i) {
        out += "<column";
        xml_attribute_or_base64(out, "name", type.columns[i]);
        if (i < type.declared_types.size()) {
            xml_attribute_or_base64(out, "declared", type.declared_types[i]);
        }
        if (std::ranges::find(type.key_columns, type.columns[i]) != type.key_columns.end()) {
            out += " key=\"true\"";
        }
        out += "/>";
    }
    for (auto const& [role, expression] : type.roles) {
        out += "<role";
        xml_attribute_or_base64(out, "name", role);
        xml_rest(out, expression);
        out += "</role>";
    }
    out += "</type>\n";
}

class XmlWriter : public TextWriter {
public:
    using TextWriter::TextWriter;

    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override {
        auto& out = file().text;
        out += "<record";
        xml_attribute_or_base64(out, "type", record.type);
        xml_attribute_or_base64(out, "id", record.id);
        out += '>';
        for (auto const& field : record.fields) {
            out += "<field";
            xml_attribute_or_base64(out, "name", field.name);
            value_rest(out, field.value);
        }
        roles(out, record);
        embedding(out, record);
        for (auto const& tag : record.tags) element(out, "tag", tag);
        media_list(out, record);
        if (embed_) PD_CHECK(embed_media(record, media, stop));
        out += "</record>\n";
        tally().count(record.type);
        for (auto const& each : record.media) {
            if (each.present && !embed_) ++tally().summary().media;
        }
        return file().settle();
    }

private:
    Result<void> prepare(ExportInfo const& info) override {
        embed_ = wants_media_inside(info);
        return {};
    }
    std::string name() const override { return file_name; }

    Result<void> open(ExportInfo const& info) override {
        auto& out = file().text;
        out +=
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<export xmlns=\"urn:perdure:export:1\" version=\"1.0\">\n";
        about(out, info);
        out += "<schema>\n";
        out += xml_schema();
        out += "</schema>\n<types>\n";
        for (auto const& type : info.types) type_columns(out, type);
        out += "</types>\n<records>\n";
        return {};
    }

    Result<void> close() override {
        file().text += "</records>\n</export>\n";
        return {};
    }

    Result<void> embed_media(data::Record const& record, MediaLibrary& media,
                             std::stop_token const& stop) {
        auto& out = file().text;
        for (auto const& ref : record.media) {
            PD_TRY(auto const inside, open_media_inside(record, ref, media, tally(), stop));
            if (!inside) continue;
            out += "<media-data";
            xml_attribute_or_base64(out, "path", ref.path);
            xml_attribute_or_base64(out, "name", inside->file.name);
            xml_attribute_or_base64(out, "media-type", inside->file.media_type);
            out += "><base64>";
            auto const put = [&](std::string_view piece) {
                out += piece;
                return file().settle();
            };
            PD_TRY(auto const seal, put_media_inside(record, ref, *inside, tally(), put, stop));
            out += fmt::format("</base64><bytes>{}</bytes><sha256>{}</sha256></media-data>",
                               seal.bytes, seal.sha256);
        }
        return {};
    }

    bool embed_ = false;
};

}  // namespace

std::unique_ptr<RecordWriter> open_xml(OutputTree& tree) {
    return std::make_unique<XmlWriter>(tree);
}

}  // namespace perdure::format
