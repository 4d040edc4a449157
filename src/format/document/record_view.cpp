#include "format/document/record_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "crypto/hash.h"
#include "format/document/dates.h"

namespace perdure::format {

namespace {

constexpr std::size_t title_bytes_max = 400;
constexpr std::size_t group_bytes_max = 1000;

std::string_view role_of(data::RecordType const* type, std::string const& role) {
    if (!type) return {};
    auto const found = type->roles.find(role);
    return found == type->roles.end() ? std::string_view() : found->second;
}

bool telling_name(std::string_view column) {
    std::string const lower = ascii_lower(column);
    return lower.find("name") != lower.npos || lower.find("title") != lower.npos ||
           lower.find("subject") != lower.npos || lower.find("label") != lower.npos;
}

/// For records whose mapping names no title: the column that reads like a name, else the first
/// short text.
std::string found_title(data::Record const& record) {
    std::string_view best;
    for (auto const& field : record.fields) {
        auto const* text = std::get_if<std::string_view>(&field.value);
        if (!text || text->empty() || text->size() > 200) continue;
        if (telling_name(field.name)) return page_text(*text);
        if (best.empty() && record.id != *text) best = *text;
    }
    return page_text(best);
}

std::string group_label(std::string_view text, TextFlaws& flaws) {
    auto label = page_text(text, flaws);
    return label.size() <= group_bytes_max ? label : shortened(label, group_bytes_max);
}

FieldText field_text(data::FieldView const& field, std::size_t bytes_max, TextFlaws& flaws) {
    FieldText out;
    out.name = page_text(field.name, flaws);
    out.text = value_text(field.value, bytes_max, flaws);
    auto const* text = std::get_if<std::string_view>(&field.value);
    out.shortened =
        (text && text->size() > bytes_max) || std::holds_alternative<ByteView>(field.value);
    out.number = std::holds_alternative<std::int64_t>(field.value) ||
                 std::holds_alternative<double>(field.value);
    return out;
}

}  // namespace

std::string slug_of(std::string_view text) {
    std::string slug;
    bool exact = !text.empty() && text.size() <= 48;
    for (char const c : text) {
        bool const fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        char const lower = ascii_lower(c);
        if (slug.size() >= 40 && !exact) break;
        if (fine || lower != c) {
            slug += lower;
            exact = exact && lower == c;
        } else {
            // A '-' of the text's own stands for itself; two in a row, or at an end, do not.
            exact = exact && c == '-' && !slug.empty() && slug.back() != '-';
            if (!slug.empty() && slug.back() != '-') slug += '-';
        }
    }
    exact = exact && !slug.ends_with('-');
    if (exact) return slug;
    while (slug.ends_with('-')) slug.pop_back();
    slug.resize(std::min<std::size_t>(slug.size(), 40));
    auto const digest = to_hex(crypto::sha256(as_bytes(text))).substr(0, 12);
    // "--" never occurs in an exact one.
    return slug.empty() ? "x--" + digest : slug + "--" + digest;
}

std::string value_text(data::ValueView const& value, std::size_t bytes_max, TextFlaws& flaws) {
    if (auto const* text = std::get_if<std::string_view>(&value)) {
        if (text->size() <= bytes_max) return page_text(*text, flaws);
        auto part = text->substr(0, bytes_max);
        while (!part.empty() && (static_cast<unsigned char>(part.back()) & 0xc0) == 0x80)
            part.remove_suffix(1);
        part.remove_suffix(part.empty() ? 0 : 1);
        return page_text(part, flaws) + "…";
    }
    if (auto const* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
    if (auto const* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    if (auto const* bytes = std::get_if<ByteView>(&value)) {
        auto const start = bytes->first(std::min<std::size_t>(bytes->size(), 16));
        return fmt::format("{}{}{}", spoken_size(bytes->size()), start.empty() ? "" : ": ",
                           to_hex(start)) +
               (start.size() < bytes->size() ? "…" : "");
    }
    return {};
}

RecordView view_of(data::Record const& record, data::RecordType const* type, ViewOptions options) {
    RecordView view;
    auto& flaws = view.flaws;
    view.type = page_text(record.type, flaws);
    view.id = page_text(record.id, flaws);
    view.anchor = slug_of(record.type) + "_" + slug_of(record.id);  // no slug holds a "_"
    view.own_title = record.title.find_first_not_of(" \t\r\n") != record.title.npos;
    view.title = view.own_title ? page_text(record.title, flaws) : found_title(record);
    bool const whole = view.title.size() <= title_bytes_max;
    view.title = shortened(view.title, title_bytes_max);
    if (view.title.empty()) view.title = fmt::format("{} {}", view.type, view.id);
    view.project = group_label(record.project, flaws);
    view.category = group_label(record.category, flaws);
    view.collection = group_label(record.collection, flaws);
    view.person =
        page_text(record.subject_label.empty() ? record.subject : record.subject_label, flaws);
    for (auto const& tag : record.tags) {
        auto label = group_label(tag, flaws);
        bool const known = std::ranges::find(view.tags, label) != view.tags.end();
        if (!label.empty() && !known) view.tags.push_back(std::move(label));
    }
    view.created = record.created;
    view.updated = record.updated;
    if (record.embedding) {
        auto const numbers =
            record.embedding->vector.size() / (record.embedding->dtype == "f64" ? 8 : 4);
        view.embedding =
            fmt::format("{} by {}", counted(numbers, "number", "numbers"),
                        page_text(record.embedding->model.empty() ? "an unnamed model"
                                                                  : record.embedding->model));
    }
    auto const title_column = role_of(type, "title"), body_column = role_of(type, "body");
    for (auto const& field : record.fields) {
        bool const shown = (field.name == title_column && view.own_title && whole) ||
                           (field.name == body_column && !record.body.empty());
        if (!shown) view.fields.push_back(field_text(field, options.field_bytes_max, flaws));
    }
    return view;
}

}  // namespace perdure::format
