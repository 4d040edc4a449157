#include "data/key_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/utf8.h"

namespace perdure::data {

namespace {

/// 'it''s'/rest → it's; leaves "/rest". Empty: the closing quote is missing.
std::optional<std::string> unquote(std::string_view& rest) {
    std::string out;
    auto text = rest.substr(1);
    for (auto cut = text.find('\''); cut != text.npos; cut = text.find('\'')) {
        out += text.substr(0, cut);
        text.remove_prefix(cut + 1);
        if (!text.starts_with('\'')) {
            rest = text;
            return out;
        }
        out += '\'';
        text.remove_prefix(1);
    }
    return std::nullopt;
}

std::optional<Bytes> bytes_of(std::string_view part) {
    if (!part.starts_with("x'") || !part.ends_with('\'') || part.size() < 3) return std::nullopt;
    auto bytes = from_hex(part.substr(2, part.size() - 3));
    return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
}

bool is_clear(std::string_view text, KeyPart part) {
    bool const cut = part == KeyPart::of_several && text.find('/') != text.npos;
    return !text.empty() && !cut && text.front() != '\'' && !text.starts_with("x'") &&
           text != "NULL";
}

/// Takes the next part of a key off `rest`.
std::vector<Value> take_key_part(std::string_view& rest, KeyPart kind) {
    std::vector<Value> out;
    auto quoted = rest;
    if (quoted.starts_with('\'')) {
        auto text = unquote(quoted);
        if (text && (quoted.empty() || (quoted.front() == '/' && kind == KeyPart::of_several))) {
            out.emplace_back(Text{std::move(*text)});
            rest = quoted;
            return out;
        }
    }
    auto const cut = kind == KeyPart::alone ? rest.size() : std::min(rest.find('/'), rest.size());
    auto const part = rest.substr(0, cut);
    rest.remove_prefix(cut);
    if (part == "NULL") {
        out.emplace_back(Null{});
        return out;
    }
    if (auto bytes = bytes_of(part)) {
        out.emplace_back(Text{to_string(*bytes)});  // a text that is no UTF-8
        out.emplace_back(std::move(*bytes));
        return out;
    }
    out.emplace_back(Text{std::string(part)});
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    bool const whole = error == std::errc() && end == part.data() + part.size();
    if (whole && std::to_string(number) == part) out.emplace_back(number);
    return out;
}

}  // namespace

std::string spell_key(Value const& value, KeyPart part) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (auto const* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    if (auto const* bytes = std::get_if<Bytes>(&value)) return "x'" + to_hex(*bytes) + "'";
    auto const* text = std::get_if<Text>(&value);
    if (!text) return "NULL";
    if (!is_utf8(text->bytes)) return "x'" + to_hex(as_bytes(text->bytes)) + "'";
    if (is_clear(text->bytes, part)) return text->bytes;
    std::string quoted = "'";
    for (char const c : text->bytes) quoted += c == '\'' ? "''" : std::string(1, c);
    return quoted + "'";
}

std::vector<std::vector<Value>> read_key(std::string_view id, std::size_t count) {
    std::vector<std::vector<Value>> out;
    auto const kind = count == 1 ? KeyPart::alone : KeyPart::of_several;
    while (true) {
        out.push_back(take_key_part(id, kind));
        if (id.empty()) break;
        id.remove_prefix(1);
    }
    if (out.size() != count) out.clear();
    return out;
}

}  // namespace perdure::data
