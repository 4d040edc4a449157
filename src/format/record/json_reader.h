#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/stream.h"

namespace perdure::format {

enum class JsonEvent : std::uint8_t {
    end,  ///< of the document; nothing but blanks followed
    begin_object,
    end_object,
    begin_array,
    end_array,
    key,
    string,
    number,
    yes,
    no,
    null
};

struct JsonLimits {
    unsigned depth_max = 64;  ///< of nested objects and arrays
    std::size_t string_bytes_max = std::size_t{256} << 20;
    std::size_t number_bytes_max = 1024;
};

/// Reads JSON (RFC 8259) strictly, piece by piece, from bytes nobody vouches for: valid UTF-8 only,
/// no lone surrogates, no byte order mark, nothing after the end. Memory: 64 KiB and the longest
/// string. Names may repeat; who builds objects of them decides (read_json refuses).
/// Threads: one.
class JsonReader {
public:
    /// Both must outlive the reader.
    explicit JsonReader(data::ByteSource& source, JsonLimits limits = {});
    explicit JsonReader(std::string_view text, JsonLimits limits = {});

    /// Fails: invalid (what is wrong, and at which byte); exhausted (a limit); as the source.
    Result<JsonEvent> next();
    /// Of a key or string, decoded; of a number, as it was written. Until the next call.
    std::string_view text() const { return text_; }
    /// How many bytes were read up to the end of the last event.
    std::uint64_t offset_bytes() const { return passed_ + at_; }
    unsigned depth() const { return static_cast<unsigned>(open_.size()); }

    /// Passes over the rest of a value whose first event was `first`.
    Result<void> skip(JsonEvent first);
    /// The value whose first event was `first`, as compact JSON appended to `out`.
    Result<void> copy(JsonEvent first, std::string& out);

private:
    enum class Expect : std::uint8_t { value, value_or_end, key_or_end, key, comma_or_end, end };

    Error bad(std::string_view what) const;
    Result<bool> fill();
    /// The next byte without taking it, or -1 at the end.
    Result<int> peek();
    Result<int> skip_blanks();
    Result<JsonEvent> value(int c);
    Result<JsonEvent> open_container(char kind);
    Result<JsonEvent> close_container(int c);
    Result<JsonEvent> literal(std::string_view word, JsonEvent event);
    Result<JsonEvent> number();
    Result<void> digits();
    Result<void> take_into_text();
    Result<JsonEvent> key();
    Result<void> string();
    Result<void> escape();
    Result<unsigned> four_digits();
    Result<void> wide_character();
    void after_value();

    data::ByteSource* source_ = nullptr;
    JsonLimits limits_;
    Bytes buffer_;
    std::string_view window_;
    std::size_t at_ = 0;
    std::uint64_t passed_ = 0;  ///< bytes before the window
    bool ended_ = false;
    std::vector<char> open_;  ///< '{' and '[' around the place
    Expect expect_ = Expect::value;
    std::string text_;
};

}  // namespace perdure::format
