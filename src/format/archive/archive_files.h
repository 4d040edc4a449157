#pragma once

#include <functional>
#include <string>

#include "crypto/hash.h"
#include "format/output.h"

namespace perdure::format {

enum class ArchiveLayout : std::uint8_t { flat, bagit };

/// Writes the files of an archive into a tree, each with its line in the checksum list.
class ArchiveFiles {
public:
    using Feed = std::function<Result<void>(Output&)>;
    struct Written {
        crypto::Digest hash;
        std::uint64_t bytes = 0;
    };
    struct Totals {
        std::uint64_t files = 0, bytes = 0;
    };

    ArchiveFiles(OutputTree& tree, ArchiveLayout layout, Timestamp modified)
        : tree_(tree), layout_(layout), modified_(modified) {}

    /// After begin or resume. The list of a resumed tree holds what it held.
    Result<void> start();
    /// A file of the payload; named from where manifest.json lies. `options.modified` is set here.
    Result<Written> write(std::string_view name, FileOptions options, Feed const& feed);
    Result<Written> write_text(std::string_view name, std::string_view text);
    /// The list of everything written so far, itself a file; `look` sees its bytes.
    Result<Written> write_checksums(std::string_view name,
                                    std::function<void(ByteView)> const& look);
    /// BagIt's tag files around what was written (RFC 8493); nothing for the flat layout.
    Result<void> write_bag(Timestamp made, std::string_view software);

    Totals const& totals() const { return totals_; }
    void restore(Totals totals) { totals_ = totals; }

private:
    Result<Written> create(std::string const& path, FileOptions options, Feed const& feed);
    Result<void> copy_lines(Output& out, std::string_view before_names);

    OutputTree& tree_;
    ArchiveLayout layout_;
    Timestamp modified_;
    std::unique_ptr<Spool> lines_;  ///< "<hex>  <name>\n"
    Totals totals_;
};

/// Everything in a spool, from front to back.
Result<void> copy_spool(Spool& spool, std::function<Result<void>(ByteView)> const& into);

}  // namespace perdure::format
