#include "format/record/json_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/record/json_text.h"

namespace perdure::format {

namespace {

constexpr std::size_t window_bytes = 64 << 10;

bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

/// Bytes of a string that need no second look.
bool is_plain(char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

}  // namespace

JsonReader::JsonReader(data::ByteSource& source, JsonLimits limits)
    : source_(&source), limits_(limits), buffer_(window_bytes) {}

JsonReader::JsonReader(std::string_view text, JsonLimits limits)
    : limits_(limits), window_(text), ended_(true) {}

Error JsonReader::bad(std::string_view what) const {
    return fail(Fault::invalid, fmt::format("no JSON: {} at byte {}", what, offset_bytes()));
}

/// Brings more bytes when the window is used up. False at the end.
Result<bool> JsonReader::fill() {
    if (at_ < window_.size()) return true;
    if (ended_) return false;
    passed_ += window_.size();
    at_ = 0;
    window_ = {};
    PD_TRY(auto const count, source_->read(buffer_));
    window_ = as_text(ByteView(buffer_).first(count));
    ended_ = count == 0;
    return count > 0;
}

Result<int> JsonReader::peek() {
    if (at_ < window_.size()) return static_cast<unsigned char>(window_[at_]);
    PD_TRY(bool const more, fill());
    return more ? static_cast<unsigned char>(window_[at_]) : -1;
}

Result<int> JsonReader::skip_blanks() {
    while (true) {
        PD_TRY(int const c, peek());
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
        ++at_;
    }
}

void JsonReader::after_value() {
    expect_ = open_.empty() ? Expect::end : Expect::comma_or_end;
}

Result<JsonEvent> JsonReader::next() {
    PD_TRY(int c, skip_blanks());
    if (expect_ == Expect::end) {
        if (c >= 0) return bad("something follows the end");
        return JsonEvent::end;
    }
    if (c < 0) return bad("the text ends too early");
    if (expect_ == Expect::comma_or_end) {
        if (c != ',') return close_container(c);
        ++at_;
        expect_ = open_.back() == '{' ? Expect::key : Expect::value;
        PD_TRY(c, skip_blanks());
        if (c < 0) return bad("the text ends too early");
    }
    switch (expect_) {
        case Expect::key_or_end:
            return c == '"' ? key() : close_container(c);
        case Expect::key:
            if (c != '"') return bad("a name in quotes is missing");
            return key();
        case Expect::value_or_end:
            return c == ']' ? close_container(c) : value(c);
        default:
            return value(c);
    }
}

Result<JsonEvent> JsonReader::key() {
    PD_CHECK(string());
    PD_TRY(int const c, skip_blanks());
    if (c != ':') return bad("a colon is missing");
    ++at_;
    expect_ = Expect::value;
    return JsonEvent::key;
}

Result<JsonEvent> JsonReader::value(int c) {
    switch (c) {
        case '{':
        case '[':
            return open_container(static_cast<char>(c));
        case '"':
            PD_CHECK(string());
            after_value();
            return JsonEvent::string;
        case 't':
            return literal("true", JsonEvent::yes);
        case 'f':
            return literal("false", JsonEvent::no);
        case 'n':
            return literal("null", JsonEvent::null);
        default:
            if (c == '-' || is_digit(c)) return number();
            return bad("a value is missing");
    }
}

Result<JsonEvent> JsonReader::open_container(char kind) {
    if (open_.size() >= limits_.depth_max) {
        return fail(Fault::exhausted, fmt::format("JSON nested deeper than {} at byte {}",
                                                  limits_.depth_max, offset_bytes()));
    }
    ++at_;
    open_.push_back(kind);
    expect_ = kind == '{' ? Expect::key_or_end : Expect::value_or_end;
    return kind == '{' ? JsonEvent::begin_object : JsonEvent::begin_array;
}

Result<JsonEvent> JsonReader::close_container(int c) {
    char const expected = open_.back() == '{' ? '}' : ']';
    if (c != expected) return bad("a comma or a closing bracket is missing");
    ++at_;
    open_.pop_back();
    after_value();
    return expected == '}' ? JsonEvent::end_object : JsonEvent::end_array;
}

Result<JsonEvent> JsonReader::literal(std::string_view word, JsonEvent event) {
    for (auto const letter : word) {
        PD_TRY(int const c, peek());
        if (c != letter) return bad("an unknown word");
        ++at_;
    }
    after_value();
    return event;
}

Result<void> JsonReader::take_into_text() {
    if (text_.size() >= limits_.number_bytes_max) {
        return fail(Fault::exhausted, fmt::format("a JSON number of more than {} digits at byte {}",
                                                  limits_.number_bytes_max, offset_bytes()));
    }
    text_ += window_[at_++];
    return {};
}

Result<void> JsonReader::digits() {
    PD_TRY(int c, peek());
    if (!is_digit(c)) return bad("a digit is missing");
    while (is_digit(c)) {
        PD_CHECK(take_into_text());
        PD_TRY(c, peek());
    }
    return {};
}

Result<JsonEvent> JsonReader::number() {
    text_.clear();
    PD_TRY(int c, peek());
    if (c == '-') PD_CHECK(take_into_text());
    PD_TRY(c, peek());
    if (c == '0') {
        PD_CHECK(take_into_text());
    } else {
        PD_CHECK(digits());
    }
    PD_TRY(c, peek());
    if (c == '.') {
        PD_CHECK(take_into_text());
        PD_CHECK(digits());
        PD_TRY(c, peek());
    }
    if (c == 'e' || c == 'E') {
        PD_CHECK(take_into_text());
        PD_TRY(c, peek());
        if (c == '+' || c == '-') PD_CHECK(take_into_text());
        PD_CHECK(digits());
    }
    after_value();
    return JsonEvent::number;
}

Result<void> JsonReader::string() {
    ++at_;  // the quote
    text_.clear();
    while (true) {
        PD_TRY(bool const more, fill());
        if (!more) return bad("a string has no end");
        auto const start = at_;
        while (at_ < window_.size() && is_plain(window_[at_])) ++at_;
        text_.append(window_, start, at_ - start);
        if (text_.size() > limits_.string_bytes_max) {
            return fail(Fault::exhausted, fmt::format("a JSON string of more than {} bytes at {}",
                                                      limits_.string_bytes_max, offset_bytes()));
        }
        if (at_ == window_.size()) continue;
        auto const c = static_cast<unsigned char>(window_[at_]);
        if (c == '"') {
            ++at_;
            return {};
        }
        if (c < 0x20) return bad("a control character in a string");
        if (c == '\\') {
            PD_CHECK(escape());
        } else {
            PD_CHECK(wide_character());
        }
    }
}

/// One character of several bytes, which may lie across the end of the window.
Result<void> JsonReader::wide_character() {
    std::string character;
    auto const first = static_cast<unsigned char>(window_[at_]);
    std::size_t const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    while (character.size() < length) {
        PD_TRY(int const c, peek());
        if (c < 0) return bad("a string has no end");
        character += static_cast<char>(c);
        ++at_;
    }
    if (utf8_length(character) != length) return bad("bytes that are no UTF-8");
    text_ += character;
    return {};
}

Result<unsigned> JsonReader::four_digits() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
        PD_TRY(int const c, peek());
        unsigned digit = 0;
        if (is_digit(c)) {
            digit = static_cast<unsigned>(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = static_cast<unsigned>((c | 0x20) - 'a' + 10);
        } else {
            return bad("\\u without four hexadecimal digits");
        }
        code = code << 4 | digit;
        ++at_;
    }
    return code;
}

Result<void> JsonReader::escape() {
    ++at_;  // the backslash
    PD_TRY(int const c, peek());
    constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    if (c != 'u') {
        auto const found = c < 0 ? letters.npos : letters.find(static_cast<char>(c));
        if (found == letters.npos) return bad("an unknown escape");
        text_ += meant[found];
        ++at_;
        return {};
    }
    ++at_;
    PD_TRY(unsigned code, four_digits());
    if (code >= 0xdc00 && code < 0xe000) return bad("half a character (a lone surrogate)");
    if (code >= 0xd800 && code < 0xdc00) {
        for (char const wanted : {'\\', 'u'}) {
            PD_TRY(int const next, peek());
            if (next != wanted) return bad("half a character (a lone surrogate)");
            ++at_;
        }
        PD_TRY(unsigned const low, four_digits());
        if (low < 0xdc00 || low >= 0xe000) return bad("half a character (a lone surrogate)");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(text_, code);
    return {};
}

Result<void> JsonReader::skip(JsonEvent first) {
    if (first != JsonEvent::begin_object && first != JsonEvent::begin_array) return {};
    auto const outside = depth() - 1;
    while (depth() > outside) PD_CHECK(next());
    return {};
}

Result<void> JsonReader::copy(JsonEvent event, std::string& out) {
    auto const outside =
        depth() - (event == JsonEvent::begin_object || event == JsonEvent::begin_array);
    bool after_key = true, first = true;
    while (true) {
        bool const closes = event == JsonEvent::end_object || event == JsonEvent::end_array;
        if (!after_key && !first && !closes) out += ',';
        after_key = event == JsonEvent::key;
        first = event == JsonEvent::begin_object || event == JsonEvent::begin_array;
        switch (event) {
            case JsonEvent::begin_object:
                out += '{';
                break;
            case JsonEvent::end_object:
                out += '}';
                break;
            case JsonEvent::begin_array:
                out += '[';
                break;
            case JsonEvent::end_array:
                out += ']';
                break;
            case JsonEvent::key:
                json_string(out, text_);
                out += ':';
                break;
            case JsonEvent::string:
                json_string(out, text_);
                break;
            case JsonEvent::number:
                out += text_;
                break;
            case JsonEvent::yes:
                out += "true";
                break;
            case JsonEvent::no:
                out += "false";
                break;
            case JsonEvent::null:
                out += "null";
                break;
            case JsonEvent::end:
                PD_ASSERT(false);
        }
        if (!after_key && depth() == outside) return {};
        PD_TRY(event, next());
    }
}

}  // namespace perdure::format
