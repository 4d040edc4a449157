#include "format/document/read_back.h"

#include <fmt/format.h>

#include <charconv>

#include "format/container/check.h"
#include "format/container/npz/zip_index.h"
#include "format/record/read/count_records.h"

namespace perdure::format {

namespace {

using Counted = Result<std::optional<std::uint64_t>>;

Error cut(std::string_view what) {
    return fail(Fault::corrupt, fmt::format("{} does not end as it must", what));
}

Result<bool> begins_with(system::Path const& file, std::string_view wanted) {
    PD_TRY(auto const opened, system::File::open_to_read(file));
    Bytes start(wanted.size());
    PD_TRY(auto const got, opened.read_at(start, 0));
    return as_text(ByteView(start).first(got)) == wanted;
}

}  // namespace

Counted count_markdown(system::Path const& output, std::stop_token stop) {
    std::uint64_t records = 0;
    std::error_code error;
    std::filesystem::recursive_directory_iterator walk(output, error);
    for (; !error && walk != std::filesystem::recursive_directory_iterator();
         walk.increment(error)) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        if (walk.depth() == 0 && walk->path().filename() == "attachments") {
            walk.disable_recursion_pending();
        }
        if (walk->path().extension() != ".md") continue;
        // A table of contents has no front matter.
        PD_TRY(bool const record, begins_with(walk->path(), "---\n"));
        records += record ? 1 : 0;
    }
    if (error) return system::error_from_errno(error.value(), "list " + output.string());
    return records;
}

Counted count_html(system::Path const& output, std::stop_token stop) {
    if (!system::exists(output / "index.html")) return cut("the site");
    return count_ndjson(output / "data" / "records.ndjson", std::move(stop));
}

Counted check_epub(system::Path const& output, std::stop_token stop) {
    PD_CHECK(check_zip(output, std::move(stop)));
    return std::optional<std::uint64_t>();
}

Counted check_xlsx(system::Path const& output, std::stop_token stop) {
    PD_TRY(auto const file, system::File::open_to_read(output));
    PD_TRY(auto const entries, read_zip_index(file, {}));
    Bytes part(256 << 10);
    for (auto const& entry : entries) {
        auto const source = open_zip_entry(file, entry);
        while (true) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_TRY(auto const got, source->read(part));
            if (got == 0) break;
        }
    }
    return std::optional<std::uint64_t>();
}

Counted check_pdf(system::Path const& output, std::stop_token) {
    PD_TRY(bool const begins, begins_with(output, "%PDF-"));
    PD_TRY(auto const file, system::File::open_to_read(output));
    PD_TRY(auto const size, file.size_bytes());
    Bytes tail(std::min<std::uint64_t>(size, 64));
    PD_TRY(auto const got, file.read_at(tail, size - tail.size()));
    auto text = as_text(ByteView(tail).first(got));
    constexpr std::string_view mark = "startxref\n", last = "%%EOF";
    while (text.ends_with('\n')) text.remove_suffix(1);
    auto const at = text.rfind(mark);
    if (!begins || !text.ends_with(last) || at == text.npos) return cut("the PDF");
    std::uint64_t offset = 0;
    auto const* const digits = text.data() + at + mark.size();
    auto const parsed = std::from_chars(digits, text.data() + text.size(), offset);
    if (parsed.ec != std::errc() || offset >= size) return cut("the PDF");
    Bytes table(24);
    PD_TRY(auto const read, file.read_at(table, offset));
    auto const begin = as_text(ByteView(table).first(read));
    bool const there = begin.starts_with("xref") || begin.find(" obj") != begin.npos;
    if (!there) return cut("the PDF's table of objects");
    return std::optional<std::uint64_t>();
}

}  // namespace perdure::format
