#include "face/cli/commands/change_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/utf8.h"
#include "face/cli/commands/handlers.h"

namespace perdure::face {
namespace {

constexpr std::size_t value_columns_max = 60;
constexpr std::int64_t exact_max = std::int64_t{1} << 53;

std::string sign_of(job::ChangeKind kind, Style const& style) {
    switch (kind) {
        case job::ChangeKind::added:
            return style.green("+");
        case job::ChangeKind::removed:
            return style.red("-");
        case job::ChangeKind::changed:
            break;
    }
    return style.yellow("~");
}

std::string tagged(char const* tag, std::string_view text) {
    return JsonObject().put(tag, text).text();
}

std::string owner_text(data::Entry const& entry) {
    auto const one = [](std::string const& name, std::uint32_t id) {
        return name.empty() ? std::to_string(id) : name;
    };
    return one(entry.user, entry.uid) + ":" + one(entry.group, entry.gid);
}

std::string property_text(std::string const& name, data::Entry const& entry) {
    if (name == "mode") return fmt::format("{:04o}", entry.mode);
    if (name == "owner") return owner_text(entry);
    if (name == "modified") return local_time(entry.modified);
    if (name == "size") return spell_bytes(entry.size);
    if (name == "link target") return entry.link_target;
    if (name == "hard link") return entry.same_as.empty() ? "its own" : entry.same_as;
    return "";
}

JsonObject entry_object(data::Entry const& entry) {
    JsonObject out;
    out.put("size", entry.size).put("mode", fmt::format("{:04o}", entry.mode));
    out.put("uid", entry.uid).put("gid", entry.gid);
    out.put("user", entry.user).put("group", entry.group);
    return out.put("modified", to_rfc3339(entry.modified));
}

}  // namespace

std::string spell_value(data::Value const& value) {
    if (auto const* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (auto const* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
    if (auto const* text = std::get_if<data::Text>(&value)) {
        return "\"" + shorten(printable(text->bytes), value_columns_max) + "\"";
    }
    if (auto const* bytes = std::get_if<Bytes>(&value)) {
        return fmt::format("({} bytes)", spell_count(bytes->size()));
    }
    return "NULL";
}

std::string value_json(data::Value const& value) {
    if (auto const* integer = std::get_if<std::int64_t>(&value)) {
        bool const exact = *integer <= exact_max && *integer >= -exact_max;
        auto text = std::to_string(*integer);
        return exact ? text : tagged("$int64", text);
    }
    if (auto const* number = std::get_if<double>(&value)) {
        if (std::isfinite(*number)) return fmt::format("{}", *number);
        return tagged("$double", std::isnan(*number) ? "NaN"
                                 : *number > 0       ? "Infinity"
                                                     : "-Infinity");
    }
    if (auto const* text = std::get_if<data::Text>(&value)) {
        if (is_utf8(text->bytes)) return json_text(text->bytes);
        return tagged("$text", to_base64(as_bytes(text->bytes)));
    }
    if (auto const* bytes = std::get_if<Bytes>(&value)) return tagged("$bytes", to_base64(*bytes));
    return "null";
}

JsonObject change_object(job::RecordChange const& change) {
    JsonObject out;
    out.put("source", change.source).put("table", change.table);
    if (!change.type.empty()) out.put("record_type", change.type);
    out.put("id", change.id).put("change", job::change_name(change.kind));
    if (!change.title.empty()) out.put("title", change.title);
    if (change.owner) out.put("person_changed", true);
    JsonArray fields;
    for (auto const& field : change.fields) {
        JsonObject object;
        object.put("field", field.column);
        if (field.before) object.raw("before", value_json(*field.before));
        if (field.after) object.raw("after", value_json(*field.after));
        fields.add(object);
    }
    return out.put("fields", fields);
}

JsonObject change_object(job::FileChange const& change) {
    JsonObject out;
    out.put("source", change.source).put_path("path", change.path);
    out.put("change", job::change_name(change.kind)).put("media", change.media);
    out.put("content", change.content);
    JsonArray properties;
    for (auto const& property : change.properties) properties.add(property);
    out.put("properties", properties);
    if (change.before) out.put("before", entry_object(*change.before));
    if (change.after) out.put("after", entry_object(*change.after));
    JsonArray hunks;
    for (auto const& hunk : change.text) {
        JsonObject object;
        object.put("before_line", hunk.before_line).put("before_count", hunk.before_count);
        object.put("after_line", hunk.after_line).put("after_count", hunk.after_count);
        JsonArray lines;
        for (auto const& [sign, line] : hunk.lines) lines.add(std::string(1, sign) + line);
        hunks.add(object.put("lines", lines));
    }
    if (!hunks.empty()) out.put("text", hunks);
    return out;
}

std::vector<std::string> spell_change(job::RecordChange const& change, Style const& style) {
    std::vector<std::string> out;
    auto const& name = change.type.empty() ? change.table : change.type;
    std::string head = fmt::format("{} {} {}", sign_of(change.kind, style), printable(name),
                                   style.bold(printable(change.id)));
    if (!change.title.empty()) head += "  " + shorten(printable(change.title), value_columns_max);
    if (change.owner) head += style.dim("  (now another person's)");
    out.push_back(std::move(head));
    if (change.kind != job::ChangeKind::changed) return out;
    for (auto const& field : change.fields) {
        out.push_back(fmt::format("    {}: {} → {}", printable(field.column),
                                  field.before ? spell_value(*field.before) : "(no such column)",
                                  field.after ? spell_value(*field.after) : "(no such column)"));
    }
    return out;
}

std::vector<std::string> spell_change(job::FileChange const& change, Style const& style) {
    std::vector<std::string> out;
    std::string head = sign_of(change.kind, style) + " " + printable(data::spell_path(change.path));
    auto const& shown = change.after ? change.after : change.before;
    if (shown && shown->kind == data::EntryKind::folder) head += "/";
    if (shown && change.kind != job::ChangeKind::changed && shown->kind == data::EntryKind::file) {
        head += style.dim("  " + spell_bytes(shown->size));
    }
    if (change.content) head += "  content";
    out.push_back(std::move(head));
    for (auto const& property : change.properties) {
        auto const old = property_text(property, *change.before);
        auto const fresh = property_text(property, *change.after);
        out.push_back(old.empty() ? "    " + property + " differs"
                                  : fmt::format("    {}: {} → {}", property, printable(old),
                                                printable(fresh)));
    }
    for (auto const& hunk : change.text) {
        out.push_back(
            style.cyan(fmt::format("    @@ -{},{} +{},{} @@", hunk.before_line, hunk.before_count,
                                   hunk.after_line, hunk.after_count)));
        for (auto const& [sign, line] : hunk.lines) {
            std::string const text = std::string(1, sign) + printable(line);
            out.push_back("    " + (sign == '+'   ? style.green(text)
                                    : sign == '-' ? style.red(text)
                                                  : text));
        }
    }
    return out;
}

}  // namespace perdure::face
