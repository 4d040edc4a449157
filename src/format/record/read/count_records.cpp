#include "format/record/read/count_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace perdure::format {

namespace {

template <typename Take>
Result<void> each_piece(system::Path const& file, std::stop_token const& stop, Take take) {
    PD_TRY(auto opened, system::File::open_to_read(file));
    Bytes piece(1 << 20);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const got, opened.read(piece));
        if (got == 0) return {};
        take(as_text(ByteView(piece).first(got)));
    }
}

/// Counts lines by their beginning and remembers the end of the file.
struct Lines {
    std::string_view wanted;  ///< how a line begins that counts
    std::uint64_t found = 0;
    std::string start;  ///< of the line that is being read, as far as it matters
    std::string tail;
    bool at_start = true;

    void take(std::string_view text) {
        tail += text.substr(text.size() > 8 ? text.size() - 8 : 0);
        if (tail.size() > 8) tail.erase(0, tail.size() - 8);
        while (!text.empty()) {
            if (at_start) {
                auto const piece =
                    text.substr(0, std::min(wanted.size() - start.size(), text.find('\n')));
                start += piece;
                if (start == wanted) {
                    ++found;
                    at_start = false;
                } else if (piece.size() < text.size()) {
                    at_start = false;  // a line that is shorter, or begins otherwise
                } else {
                    return;
                }
            }
            auto const end = text.find('\n');
            if (end == std::string_view::npos) return;
            text.remove_prefix(end + 1);
            at_start = true;
            start.clear();
        }
    }
};

Error cut(system::Path const& file) {
    return fail(Fault::corrupt, file.filename().string() + " does not end as it must");
}

/// Rows of RFC 4180, line ends inside quotes left out.
Result<std::uint64_t> count_rows(system::Path const& file, std::stop_token const& stop) {
    std::uint64_t rows = 0;
    bool quoted = false;
    char last = '\n';
    PD_CHECK(each_piece(file, stop, [&](std::string_view text) {
        last = text.back();
        for (std::size_t at = 0; at < text.size(); ++at) {
            char const* const rest = text.data() + at;
            auto const left = text.size() - at;
            if (quoted) {
                auto const* end = static_cast<char const*>(std::memchr(rest, '"', left));
                if (!end) return;
                at += static_cast<std::size_t>(end - rest);
                quoted = false;
                continue;
            }
            quoted = *rest == '"';
            rows += *rest == '\n' ? 1 : 0;
        }
    }));
    if (quoted || last != '\n' || rows == 0) return cut(file);
    return rows - 1;
}

}  // namespace

Result<std::optional<std::uint64_t>> count_json(system::Path const& file, std::stop_token stop) {
    Lines lines{.wanted = "{\"_type\":"};
    PD_CHECK(each_piece(file, stop, [&](std::string_view text) { lines.take(text); }));
    if (!lines.tail.ends_with("\n]}\n")) return cut(file);
    return lines.found;
}

Result<std::optional<std::uint64_t>> count_ndjson(system::Path const& file, std::stop_token stop) {
    Lines lines{.wanted = "{\"_type\":"};
    PD_CHECK(each_piece(file, stop, [&](std::string_view text) { lines.take(text); }));
    if (!lines.tail.empty() && !lines.tail.ends_with("}\n")) return cut(file);
    return lines.found;
}

Result<std::optional<std::uint64_t>> count_xml(system::Path const& file, std::stop_token stop) {
    // Texts hold no '<': such a line begins a record.
    Lines lines{.wanted = "<record "};
    PD_CHECK(each_piece(file, stop, [&](std::string_view text) { lines.take(text); }));
    if (!lines.tail.ends_with("export>\n")) return cut(file);
    return lines.found;
}

Result<std::optional<std::uint64_t>> count_csv(system::Path const& output, std::stop_token stop) {
    std::error_code error;
    if (!std::filesystem::is_directory(output, error)) return count_rows(output, stop);
    std::uint64_t rows = 0;
    for (auto it = std::filesystem::directory_iterator(output, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
        if (it->path().extension() != ".csv") continue;
        PD_TRY(auto const more, count_rows(it->path(), stop));
        rows += more;
    }
    if (error) return system::error_from_errno(error.value(), "list " + output.string());
    return rows;
}

}  // namespace perdure::format
