#include "format/document/markdown_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/base64.h"
#include "format/document/markdown_text.h"
#include "format/instant.h"
#include "format/text.h"

namespace perdure::format {

namespace {

void member(std::string& out, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    out += key;
    out += ": ";
    yaml_text(out, text);
    out += '\n';
}

std::string_view mapped(data::RecordType const& type, std::string const& role) {
    auto const found = type.roles.find(role);
    return found == type.roles.end() ? std::string_view() : std::string_view(found->second);
}

/// A moment with its offset: as the application wrote it, where it wrote one.
void moment(std::string& out, std::string_view key, std::optional<Timestamp> const& time,
            data::Record const& record, std::string_view column) {
    if (!time) return;
    auto text = exact_rfc3339(*time);
    if (text.empty()) return;
    for (auto const& field : record.fields) {
        auto const* written = std::get_if<std::string_view>(&field.value);
        if (field.name != column || !written) continue;
        auto const parts = read_instant(*written);
        if (!parts || !parts->with_seconds || (parts->zone != "Z" && parts->zone.size() != 6)) {
            continue;
        }
        text = *written;
        text[10] = 'T';
    }
    fmt::format_to(std::back_inserter(out), "{}: {}\n", key, text);
}

void tag_list(std::string& out, std::vector<std::string> const& tags) {
    if (tags.empty()) return;
    out += "tags:\n";
    for (auto const& tag : tags) {
        out += "  - ";
        yaml_text(out, tag);
        out += '\n';
    }
}

void media_list(std::string& out, std::vector<MarkdownAttachment> const& attachments) {
    if (attachments.empty()) return;
    out += "media:\n";
    for (auto const& file : attachments) {
        out += "  - path: ";
        yaml_text(out, file.source);
        out += file.link.empty() ? "\n    missing: true\n" : "\n    file: ";
        if (file.link.empty()) continue;
        yaml_text(out, file.link);
        out += '\n';
    }
}

void embedding(std::string& out, data::Record const& record) {
    if (!record.embedding) return;
    out += "embedding:\n  model: ";
    yaml_text(out, record.embedding->model);
    out += "\n  dtype: ";
    yaml_text(out, record.embedding->dtype);
    bool const in_a_column = std::ranges::any_of(record.fields, [&](data::FieldView const& field) {
        auto const* bytes = std::get_if<ByteView>(&field.value);
        return bytes && std::ranges::equal(*bytes, record.embedding->vector);
    });
    if (!in_a_column) {
        out += "\n  vector: ";
        yaml_value(out, record.embedding->vector);
    }
    out += '\n';
}

void column_key(std::string& out, std::string_view name) {
    std::string key;
    if (!is_utf8(name)) {
        key = "$text:";
        append_base64(key, as_bytes(name));
    } else {
        key = name.starts_with('$') ? "$" + std::string(name) : std::string(name);
    }
    yaml_text(out, key);
    out += ": ";
}

/// Controls would be raw bytes in a text file that editors take for something else.
bool shows_as_it_is(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) {
               return (c >= 0 && c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
           });
}

/// Links in the body that name the application's files lead to the attachments instead.
bool relink(std::string& body, std::vector<MarkdownAttachment> const& attachments) {
    bool changed = false;
    for (auto const& file : attachments) {
        if (file.link.empty() || file.source.empty()) continue;
        auto const wanted = "](" + file.source + ")";
        auto const instead = "](" + markdown_destination(file.link) + ")";
        for (auto at = body.find(wanted); at != body.npos; at = body.find(wanted, at)) {
            body.replace(at, wanted.size(), instead);
            at += instead.size();
            changed = true;
        }
    }
    return changed;
}

struct Body {
    std::string text;
    bool exact = false;  ///< every byte of the record's body, and nothing else
};

std::string_view language_of(data::Record const& record) {
    for (auto const& field : record.fields) {
        auto const* text = std::get_if<std::string_view>(&field.value);
        if (text && (field.name == "language" || field.name == "lang")) return *text;
    }
    return {};
}

Body body_of(data::Record const& record, std::vector<MarkdownAttachment> const& attachments) {
    auto const format = record.body_format;
    if (record.body.empty()) return {};
    if (format == "text") return {markdown_of_text(repair_utf8(record.body))};
    if (format != "markdown" && format != "html" && !format.empty()) {
        // "code", or a language by its name
        return {markdown_code(record.body, format == "code" ? language_of(record) : format)};
    }
    Body body{repair_utf8(record.body), shows_as_it_is(record.body)};
    if (relink(body.text, attachments)) body.exact = false;
    return body;
}

void columns(std::string& out, data::Record const& record, std::size_t body_column) {
    out += "columns:\n";
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
        if (i == body_column) continue;
        out += "  ";
        column_key(out, record.fields[i].name);
        yaml_value(out, record.fields[i].value);
        out += '\n';
    }
}

/// Which column holds the body; the number of columns: none does.
std::size_t find_body(data::Record const& record, std::string_view column) {
    auto found = record.fields.size();
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
        auto const* text = std::get_if<std::string_view>(&record.fields[i].value);
        if (!text || *text != record.body) continue;
        if (record.fields[i].name == column) return i;
        found = std::min(found, i);
    }
    return found;
}

void attachment_list(std::string& out, std::vector<MarkdownAttachment> const& attachments) {
    if (attachments.empty()) return;
    if (!out.ends_with("\n")) out += '\n';
    out += "\n## Attachments\n";
    for (auto const& file : attachments) {
        if (file.link.empty()) {
            out += "\n- " + markdown_escaped(file.source) + " (missing)\n";
            continue;
        }
        out += file.picture ? "\n![" : "\n[";
        out += markdown_escaped(file.name) + "](" + markdown_destination(file.link) + ")\n";
    }
}

}  // namespace

std::string markdown_title(data::Record const& record) {
    auto title = one_line(record.title);
    return title.empty() ? one_line(fmt::format("{} {}", record.type, record.id)) : title;
}

std::string markdown_date(data::Record const& record) {
    return record.created ? exact_rfc3339(*record.created).substr(0, 10) : std::string();
}

MarkdownFile markdown_record(data::Record const& record, data::RecordType const& type,
                             std::vector<MarkdownAttachment> const& attachments) {
    auto const title = markdown_title(record);
    auto const body = body_of(record, attachments);
    auto const body_column = find_body(record, mapped(type, "body"));
    bool const in_a_column = body_column < record.fields.size();
    bool const below = body.exact && in_a_column && is_utf8(record.fields[body_column].name);
    std::string out = "---\ntitle: ";
    yaml_text(out, record.title.empty() ? std::string_view(title) : record.title);
    out += '\n';
    member(out, "type", record.type);
    member(out, "id", record.id);
    member(out, "project", record.project);
    member(out, "category", record.category);
    member(out, "collection", record.collection);
    moment(out, "created", record.created, record, mapped(type, "created"));
    moment(out, "updated", record.updated, record, mapped(type, "updated"));
    member(out, "subject", record.subject);
    member(out, "subject_label", record.subject_label);
    tag_list(out, record.tags);
    media_list(out, attachments);
    embedding(out, record);
    columns(out, record, below ? body_column : record.fields.size());
    auto const heading = "# " + markdown_escaped(title);
    // A body that begins with this very heading needs no second one.
    bool const headed =
        body.text.starts_with(heading + "\n") || body.text.starts_with("# " + title + "\n");
    if (below) {
        out += "body: {\"column\": ";
        yaml_quoted(out, record.fields[body_column].name);
        fmt::format_to(std::back_inserter(out), ", \"skip\": {}, \"bytes\": {}}}\n", headed ? 1 : 3,
                       record.body.size());
    }
    out += "---\n\n";
    if (!headed) out += heading + "\n\n";
    out += body.text;
    if (!body.text.empty() && !body.text.ends_with('\n')) out += '\n';
    attachment_list(out, attachments);
    return {std::move(out), record.body.empty() || in_a_column || body.exact};
}

}  // namespace perdure::format
