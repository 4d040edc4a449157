#include "format/archive/archive_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/archive/layout.h"

namespace perdure::format {

namespace {

/// Passes bytes on and remembers their hash.
class Hashing : public Output {
public:
    explicit Hashing(Output& below) : below_(below) {}
    Result<void> write(ByteView bytes) override {
        hash_.update(bytes);
        bytes_ += bytes.size();
        return below_.write(bytes);
    }
    Result<void> finish() override { return below_.finish(); }
    ArchiveFiles::Written written() { return {hash_.finish(), bytes_}; }

private:
    Output& below_;
    crypto::Sha256 hash_;
    std::uint64_t bytes_ = 0;
};

}  // namespace

Result<void> copy_spool(Spool& spool, std::function<Result<void>(ByteView)> const& into) {
    Bytes part(256 << 10);
    for (std::uint64_t at = 0; at < spool.size_bytes();) {
        PD_TRY(auto const count, spool.read_at(part, at));
        if (count == 0) return fail(Fault::internal, "bytes put aside are gone");
        PD_CHECK(into(ByteView(part).first(count)));
        at += count;
    }
    return {};
}

Result<void> ArchiveFiles::start() {
    PD_TRY(lines_, tree_.spool("archive-checksums"));
    return {};
}

Result<ArchiveFiles::Written> ArchiveFiles::create(std::string const& path, FileOptions options,
                                                   Feed const& feed) {
    options.modified = modified_;
    PD_TRY(auto below, tree_.create(path, options));
    Hashing out(*below);
    PD_CHECK(feed(out));
    PD_CHECK(out.finish());
    auto const written = out.written();
    ++totals_.files;
    totals_.bytes += written.bytes;
    return written;
}

Result<ArchiveFiles::Written> ArchiveFiles::write(std::string_view name, FileOptions options,
                                                  Feed const& feed) {
    auto const path = fmt::format("{}{}{}", archive_name::root,
                                  layout_ == ArchiveLayout::bagit ? "data/" : "", name);
    PD_TRY(auto const written, create(path, options, feed));
    PD_CHECK(lines_->append(std::string_view(fmt::format("{}  {}\n", to_hex(written.hash), name))));
    return written;
}

Result<ArchiveFiles::Written> ArchiveFiles::write_text(std::string_view name,
                                                       std::string_view text) {
    return write(name, {.size_bytes = text.size()}, [&](Output& out) { return out.write(text); });
}

Result<ArchiveFiles::Written> ArchiveFiles::write_checksums(
    std::string_view name, std::function<void(ByteView)> const& look) {
    return write(name, {.size_bytes = lines_->size_bytes()}, [&](Output& out) {
        return copy_spool(*lines_, [&](ByteView bytes) {
            look(bytes);
            return out.write(bytes);
        });
    });
}

/// The list again, with something between the two blanks and each name.
Result<void> ArchiveFiles::copy_lines(Output& out, std::string_view before_names) {
    std::string rest;
    PD_CHECK(copy_spool(*lines_, [&](ByteView bytes) -> Result<void> {
        rest += as_text(bytes);
        std::string lines;
        std::size_t start = 0;
        for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n', start)) {
            auto const line = std::string_view(rest).substr(start, end - start);
            lines += fmt::format("{}{}{}\n", line.substr(0, 66), before_names, line.substr(66));
            start = end + 1;
        }
        rest.erase(0, start);
        return out.write(std::string_view(lines));
    }));
    PD_ASSERT(rest.empty());
    return {};
}

Result<void> ArchiveFiles::write_bag(Timestamp made, std::string_view software) {
    if (layout_ != ArchiveLayout::bagit) return {};
    // RFC 8493 §2.2.2: octets and files of the payload.
    auto const oxum = fmt::format("{}.{}", totals_.bytes, totals_.files);
    std::string tags;
    auto const tag = [&](std::string_view name, Feed const& feed) -> Result<void> {
        PD_TRY(auto const written, create(fmt::format("{}{}", archive_name::root, name), {}, feed));
        tags += fmt::format("{}  {}\n", to_hex(written.hash), name);
        return {};
    };
    auto const text = [&](std::string_view name, std::string_view content) {
        return tag(name, [&](Output& out) { return out.write(content); });
    };
    PD_CHECK(text("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"));
    PD_CHECK(text("bag-info.txt",
                  fmt::format("Bagging-Date: {}\nBag-Software-Agent: {}\nPayload-Oxum: {}\n",
                              to_rfc3339(made).substr(0, 10), software, oxum)));
    PD_CHECK(tag("manifest-sha256.txt", [&](Output& out) { return copy_lines(out, "data/"); }));
    auto const all = tags;
    return tag("tagmanifest-sha256.txt",
               [&](Output& out) { return out.write(std::string_view(all)); });
}

}  // namespace perdure::format
