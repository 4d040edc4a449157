#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "format/document/kept_spool.h"
#include "format/output.h"

namespace perdure::format::pdf {

/// The number of an indirect object; its generation is always 0.
using Number = std::uint32_t;

/// "12 0 R"
std::string reference(Number number);
/// A text string: UTF-16BE with a mark (ISO 32000-1 §7.9.2.2), as hexadecimal. `text` is UTF-8.
std::string text_string(std::string_view text);
/// A name, with what has a meaning escaped: "/A#20B".
std::string name_of(std::string_view text);
/// A number with at most three decimals and no exponent.
std::string real(double value);
void append_real(std::string& out, double value);

/// zlib's deflate of everything, at the level that pays here.
Bytes deflated(ByteView bytes);

/// Writes a PDF 1.7 file from front to back (ISO 32000-1): small objects collect in compressed
/// object streams, places of objects in a spool; memory does not grow with the file.
/// Each number that was reserved must be put exactly once before finish().
class Objects {
public:
    /// `tree` gives the spool.
    explicit Objects(OutputTree& tree);
    Result<void> begin(std::unique_ptr<Output> out);

    Number reserve() { return next_++; }
    Result<void> put(Number number, std::string_view body);
    Result<Number> add(std::string_view body);
    /// A stream with these entries in its dictionary (no Length, no Filter), deflated here.
    Result<void> put_stream(Number number, std::string_view entries, ByteView data);
    /// The same for data that carry their own Filter in `entries`, or none.
    Result<void> put_raw_stream(Number number, std::string_view entries, ByteView data);
    Result<Number> add_stream(std::string_view entries, ByteView data);
    /// Several numbers that follow each other; the first one.
    Number reserve_many(Number count) {
        auto const first = next_;
        next_ += count;
        return first;
    }
    /// A long stream in pieces: deflated on the way, its length written behind it.
    Result<void> put_spool(Number number, std::string_view entries, KeptSpool& spool);

    struct Trailer {
        Number root = 0, info = 0;
        std::string id;  ///< hexadecimal digits
    };
    Result<void> finish(Trailer const& trailer);
    std::uint64_t size_bytes() const { return size_; }

    /// Between two calls; the file continues exactly here after a resume.
    Result<void> save(Encoder& state);
    Result<void> load(Decoder& state, std::unique_ptr<Output> out);

private:
    Result<void> write(std::string_view text);
    Result<void> begin_object(Number number);
    Result<void> flush_small();
    Result<void> note(Number number, unsigned type, std::uint64_t place, unsigned index);
    Result<void> write_table(std::string const& rows, Number first, Trailer const& trailer,
                             std::uint64_t& previous, bool last);

    std::unique_ptr<Output> out_;
    SortedSpool places_;
    Number next_ = 1;
    std::uint64_t size_ = 0;
    std::vector<std::pair<Number, std::uint32_t>> small_;  ///< number, offset in small_bodies_
    std::string small_bodies_;
};

}  // namespace perdure::format::pdf
