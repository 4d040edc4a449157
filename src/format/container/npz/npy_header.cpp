#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "format/container/npz/npz_reader.h"

namespace perdure::format {

namespace {

constexpr std::uint64_t data_bytes_max = std::uint64_t{1} << 62;
constexpr std::size_t dimensions_max = 8, element_bytes_max = 1 << 20;

Error bad(std::string_view what) {
    return fail(Fault::corrupt, fmt::format("the array's header: {}", what));
}

/// The small part of Python that a header is written in: a dict of three known names.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    void blanks() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) {
            rest_.remove_prefix(1);
        }
    }
    bool take(std::string_view word) {
        blanks();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    Result<std::string> quoted() {
        blanks();
        if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) {
            return bad("a quoted word is missing");
        }
        auto const end = rest_.find(rest_.front(), 1);
        if (end == rest_.npos) return bad("a quoted word has no end");
        std::string word(rest_.substr(1, end - 1));
        if (word.find('\\') != word.npos) return bad("an escape in a word");
        rest_.remove_prefix(end + 1);
        return word;
    }
    Result<std::uint64_t> number() {
        blanks();
        std::uint64_t value = 0;
        auto const parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (parsed.ec != std::errc()) return bad("a length is missing or too large");
        rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
        return value;
    }
    bool done() {
        blanks();
        return rest_.empty();
    }

private:
    std::string_view rest_;
};

Result<void> read_shape(Scanner& in, std::vector<std::uint64_t>& shape) {
    if (!in.take("(")) return bad("its shape is no tuple");
    while (!in.take(")")) {
        if (shape.size() == dimensions_max) return bad("more than 8 dimensions");
        PD_TRY(auto const length, in.number());
        shape.push_back(length);
        bool const comma = in.take(",");
        if (!comma) {
            if (!in.take(")") || shape.size() == 1) return bad("its shape is no tuple");
            break;
        }
    }
    return {};
}

Result<void> read_member(Scanner& in, NpyHeader& header, unsigned& seen) {
    PD_TRY(auto const name, in.quoted());
    if (!in.take(":")) return bad("a colon is missing");
    unsigned bit = 0;
    if (name == "descr") {
        bit = 1;
        if (in.take("[")) return fail(Fault::unsupported, "an array of structures");
        PD_TRY(header.descr, in.quoted());
    } else if (name == "fortran_order") {
        bit = 2;
        header.fortran_order = in.take("True");
        if (!header.fortran_order && !in.take("False")) return bad("no truth value");
    } else if (name == "shape") {
        bit = 4;
        PD_CHECK(read_shape(in, header.shape));
    } else {
        return bad("an unknown name");
    }
    if ((seen & bit) != 0) return bad("a name stands twice");
    seen |= bit;
    return {};
}

Result<void> read_type(NpyHeader& header) {
    auto const& descr = header.descr;
    if (descr.find('O') != descr.npos) {
        return fail(Fault::denied, "the array holds pickled objects, which could run programs");
    }
    if (descr.size() < 3) return bad("its element type");
    char const order = descr[0];
    header.kind = descr[1];
    std::size_t size = 0;
    auto const* const end = descr.data() + descr.size();
    auto const parsed = std::from_chars(descr.data() + 2, end, size);
    if (parsed.ec != std::errc() || parsed.ptr != end) return bad("its element type");
    bool const is_number = header.kind == 'f' || header.kind == 'i' || header.kind == 'u';
    bool const is_text = header.kind == 'U' || header.kind == 'S';
    bool const sized = is_number ? size == 1 || size == 2 || size == 4 || size == 8
                       : is_text ? size <= element_bytes_max
                                 : header.kind == 'b' && size == 1;
    if (!sized) return fail(Fault::unsupported, fmt::format("arrays of type {}", descr));
    if (order == '>' && size > 1) return fail(Fault::unsupported, "an array in big-endian order");
    if (order != '<' && order != '|' && order != '>') return bad("its byte order");
    header.element_bytes = header.kind == 'U' ? size * 4 : size;
    return {};
}

}  // namespace

Result<std::uint64_t> NpyHeader::data_bytes() const {
    std::uint64_t bytes = element_bytes;
    bool empty = bytes == 0;
    for (auto const length : shape) empty = empty || length == 0;
    for (auto const length : shape) {
        if (length > data_bytes_max) return bad("its shape is larger than any file");
        if (empty) continue;
        if (bytes > data_bytes_max / length) return bad("its shape is larger than any file");
        bytes *= length;
    }
    return empty ? 0 : bytes;
}

Result<NpyHeader> NpyHeader::parse(ByteView start) {
    auto const text = as_text(start);
    if (!text.starts_with("\x93NUMPY") || text.size() < 10) return bad("this is no .npy file");
    auto const byte = [&](std::size_t at) {
        return std::size_t{static_cast<unsigned char>(text[at])};
    };
    auto const major = byte(6);
    std::size_t begins = 10, length = byte(8) | byte(9) << 8;
    if (major == 2 || major == 3) {
        if (text.size() < 12) return bad("it was cut short");
        begins = 12;
        length |= byte(10) << 16 | byte(11) << 24;
    } else if (major != 1) {
        return fail(Fault::unsupported, fmt::format(".npy version {}", major));
    }
    if (length > npy_header_max) return bad("it is too long");
    if (text.size() < begins + length) return bad("it was cut short");
    NpyHeader header;
    header.header_bytes = begins + length;
    Scanner in(text.substr(begins, length));
    if (!in.take("{")) return bad("it is no dict");
    unsigned seen = 0;
    while (!in.take("}")) {
        PD_CHECK(read_member(in, header, seen));
        if (in.take(",")) continue;
        if (!in.take("}")) return bad("a comma is missing");
        break;
    }
    if (!in.done() || seen != 7) return bad("a name is missing, or something follows");
    PD_CHECK(read_type(header));
    PD_CHECK(header.data_bytes());
    return header;
}

}  // namespace perdure::format
