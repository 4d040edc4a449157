#include "data/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/utf8.h"

namespace perdure::data {
namespace {

/// How many bytes from the front stand in a text as they are: printable ASCII
/// but quote and backslash.
std::size_t plain_length(std::string_view text) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        auto const c = static_cast<unsigned char>(text[at]);
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') break;
    }
    return at;
}

void write_text(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view named = "\b\t\n\f\r\"\\", names = "btnfr\"\\";
    out += '"';
    while (true) {
        auto const plain = plain_length(text);
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        auto const length = utf8_length(text);
        auto const c = static_cast<unsigned char>(text[0]);
        auto const at = named.find(text[0]);
        if (length == 0) {
            out += "\xef\xbf\xbd";
        } else if (at != std::string_view::npos) {
            out += '\\';
            out += names[at];
        } else if (c < 0x20) {
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    out += '"';
}

void write_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    std::array<char, 64> buffer;
    auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    out.append(buffer.data(), end);
    if (value == 0 && std::signbit(value)) out += ".0";  // -0 would be read as an integer
}

struct Layout {
    bool sorted = false, broken = false;
};

void write(std::string& out, Json const& json, Layout layout, std::size_t level);

void write_break(std::string& out, Layout layout, std::size_t level) {
    if (!layout.broken) return;
    out += '\n';
    out.append(level * 2, ' ');
}

void write_array(std::string& out, Json::Array const& array, Layout layout, std::size_t level) {
    out += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
        if (i > 0) out += ',';
        write_break(out, layout, level + 1);
        write(out, array[i], layout, level + 1);
    }
    if (!array.empty()) write_break(out, layout, level);
    out += ']';
}

void write_object(std::string& out, Json::Object const& object, Layout layout, std::size_t level) {
    std::vector<Json::Member const*> members;
    for (auto const& member : object) members.push_back(&member);
    if (layout.sorted) {
        std::ranges::sort(members, {},
                          [](Json::Member const* member) -> auto& { return member->first; });
    }
    out += '{';
    bool first = true;
    for (auto const* member : members) {
        if (!std::exchange(first, false)) out += ',';
        write_break(out, layout, level + 1);
        write_text(out, member->first);
        out += layout.broken ? ": " : ":";
        write(out, member->second, layout, level + 1);
    }
    if (!members.empty()) write_break(out, layout, level);
    out += '}';
}

void write(std::string& out, Json const& json, Layout layout, std::size_t level) {
    if (auto const* text = json.text()) {
        write_text(out, *text);
    } else if (auto const* integer = json.integer()) {
        out += std::to_string(*integer);
    } else if (auto const* boolean = json.boolean()) {
        out += *boolean ? "true" : "false";
    } else if (auto const* number = json.number()) {
        write_number(out, *number);
    } else if (auto const* array = json.array()) {
        write_array(out, *array, layout, level);
    } else if (auto const* object = json.object()) {
        write_object(out, *object, layout, level);
    } else {
        out += "null";
    }
}

constexpr int levels_max = 64;

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Json> document() {
        PD_TRY(Json value, parse_value(0));
        skip_blanks();
        if (at_ != text_.size()) return wrong("the end");
        return value;
    }

private:
    Error wrong(std::string_view wanted) const {
        return fail(Fault::invalid,
                    "JSON: expected " + std::string(wanted) + " at byte " + std::to_string(at_));
    }
    void skip_blanks() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
    }
    char peek() {
        skip_blanks();
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }

    Result<Json> parse_value(int level) {
        if (level > levels_max) return wrong("at most 64 levels");
        char const c = peek();
        if (c == '{') return object(level);
        if (c == '[') return array(level);
        if (c == '"') {
            PD_TRY(std::string text, string());
            return Json(std::move(text));
        }
        if (take("true")) return Json(true);
        if (take("false")) return Json(false);
        if (take("null")) return Json();
        return number();
    }

    Result<Json> object(int level) {
        ++at_;
        Json::Object members;
        if (peek() == '}') {
            ++at_;
            return Json(std::move(members));
        }
        while (true) {
            if (peek() != '"') return wrong("a member's name");
            PD_TRY(std::string name, string());
            if (peek() != ':') return wrong("':'");
            ++at_;
            PD_TRY(Json value, parse_value(level + 1));
            members.emplace_back(std::move(name), std::move(value));
            char const next = peek();
            ++at_;
            if (next == '}') break;
            if (next != ',') return wrong("',' or '}'");
        }
        std::vector<std::string_view> names;
        for (auto const& member : members) names.push_back(member.first);
        std::ranges::sort(names);
        if (std::ranges::adjacent_find(names) != names.end()) {
            return wrong("members with different names before here");
        }
        return Json(std::move(members));
    }

    Result<Json> array(int level) {
        ++at_;
        Json::Array items;
        if (peek() == ']') {
            ++at_;
            return Json(std::move(items));
        }
        while (true) {
            PD_TRY(Json value, parse_value(level + 1));
            items.push_back(std::move(value));
            char const next = peek();
            ++at_;
            if (next == ']') return Json(std::move(items));
            if (next != ',') return wrong("',' or ']'");
        }
    }

    Result<Json> number() {
        std::size_t const begin = at_;
        auto const digits = [&] {
            std::size_t const from = at_;
            while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
            return at_ - from;
        };
        take("-");
        std::size_t const whole = at_;
        std::size_t const count = digits();
        if (count == 0 || (count > 1 && text_[whole] == '0')) return wrong("a value");
        bool exact = true;
        if (take(".")) {
            exact = false;
            if (digits() == 0) return wrong("a digit");
        }
        if (take("e") || take("E")) {
            exact = false;
            if (!take("+")) take("-");
            if (digits() == 0) return wrong("a digit");
        }
        char const* const first = text_.data() + begin;
        char const* const last = text_.data() + at_;
        if (std::int64_t value = 0;
            exact && std::from_chars(first, last, value).ec == std::errc()) {
            return Json(value);
        }
        double value = 0;
        if (std::from_chars(first, last, value).ec != std::errc())
            return wrong("a number in range");
        return Json(value);
    }

    Result<std::uint32_t> unit() {
        std::uint32_t value = 0;
        std::string_view const hex = text_.substr(at_, 4);
        auto const parsed = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
        if (hex.size() != 4 || parsed.ptr != hex.data() + 4)
            return wrong("four hexadecimal digits");
        at_ += 4;
        return value;
    }

    Result<void> escape(std::string& out) {
        constexpr std::string_view names = "btnfr\"\\/", values = "\b\t\n\f\r\"\\/";
        if (!take("u")) {
            auto const at = at_ < text_.size() ? names.find(text_[at_]) : std::string_view::npos;
            if (at == std::string_view::npos) return wrong("an escape");
            out += values[at];
            ++at_;
            return {};
        }
        PD_TRY(std::uint32_t code, unit());
        if (code >= 0xdc00 && code < 0xe000) return wrong("no lone surrogate");
        if (code >= 0xd800 && code < 0xdc00) {
            if (!take("\\u")) return wrong("the second half of a surrogate pair");
            PD_TRY(std::uint32_t const low, unit());
            if (low < 0xdc00 || low >= 0xe000) return wrong("the second half of a surrogate pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(out, code);
        return {};
    }

    Result<std::string> string() {
        ++at_;
        std::string out;
        while (at_ < text_.size()) {
            char const c = text_[at_];
            if (c == '"') {
                ++at_;
                return out;
            }
            if (c == '\\') {
                ++at_;
                PD_CHECK(escape(out));
                continue;
            }
            auto const length = utf8_length(text_.substr(at_));
            if (length == 0 || static_cast<unsigned char>(c) < 0x20) {
                return wrong("a character of UTF-8 text");
            }
            out += text_.substr(at_, length);
            at_ += length;
        }
        return wrong("the end of a string");
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Json& Json::put(std::string_view key, Json value) {
    if (!object()) value_ = Object();
    auto& members = std::get<Object>(value_);
    auto const at = std::ranges::find(members, key, &Member::first);
    if (at != members.end()) {
        at->second = std::move(value);
    } else {
        members.emplace_back(std::string(key), std::move(value));
    }
    return *this;
}

Json& Json::put_path(std::string_view key, std::string_view bytes) {
    put(key, bytes);
    if (!is_utf8(bytes)) put(std::string(key) + "_b64", to_base64(as_bytes(bytes)));
    return *this;
}

Json& Json::add(Json value) {
    if (!array()) value_ = Array();
    std::get<Array>(value_).push_back(std::move(value));
    return *this;
}

Json const* Json::find(std::string_view key) const {
    auto const* members = object();
    if (!members) return nullptr;
    auto const at = std::ranges::find(*members, key, &Member::first);
    return at == members->end() ? nullptr : &at->second;
}

std::string Json::text_of(std::string_view key) const {
    auto const* member = find(key);
    return member && member->text() ? *member->text() : std::string();
}

std::int64_t Json::integer_of(std::string_view key) const {
    auto const* member = find(key);
    return member && member->integer() ? *member->integer() : 0;
}

std::string Json::canonical() const {
    std::string out;
    write(out, *this, {.sorted = true, .broken = false}, 0);
    return out;
}

std::string Json::pretty() const {
    std::string out;
    write(out, *this, {.sorted = false, .broken = true}, 0);
    return out + '\n';
}

Result<Json> Json::parse(std::string_view text) {
    return Parser(text).document();
}

}  // namespace perdure::data
