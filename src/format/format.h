#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/record.h"
#include "format/output.h"

namespace perdure::format {

/// What an export is, for headers, title pages and manifests.
struct ExportInfo {
    std::string title;  ///< "app"
    std::string source, location;
    std::string snapshot;       ///< id, or empty: live data
    Timestamp as_of, exported;  ///< state of the data; when the export ran
    std::vector<data::RecordType> types;
    std::vector<std::string> filter;             ///< in words, one a condition
    std::map<std::string, std::string> options;  ///< of the format: theme, paper, dialect…
    std::string program;                         ///< "perdure 0.1.0"
};

/// Something that a format could not hold as it is; reported, never silent (exit 3).
struct Omission {
    std::string record;  ///< "memory 17"
    std::string what;    ///< "embedding: csv holds no vectors"
};

struct FormatSummary {
    std::uint64_t records = 0, media = 0, bytes = 0, files = 0;
    std::map<std::string, std::uint64_t> per_type;
    std::vector<Omission> omissions;  ///< at most 1,000 are kept
    std::uint64_t omissions_total = 0;
};

/// A record's media file as it leaves: the original, or what the export's options made of it
/// (converted, shrunk, without its location).
struct MediaFile {
    std::string name;        ///< its own file name, with the extension that fits the bytes
    std::string media_type;  ///< by its bytes: "image/jpeg"; "application/octet-stream" if unknown
    std::uint64_t size_bytes = 0;    ///< 0: empty, or not known before it is read
    unsigned width = 0, height = 0;  ///< of pictures and films, as shown (turned upright)
    std::optional<Timestamp> taken, modified;
    std::string description;  ///< the caption that the file itself carries
    std::shared_ptr<data::Content> content;
    bool original = true;  ///< byte-identical to the application's file
};

/// A small upright picture without metadata, for pages and thumbnails.
struct Preview {
    Bytes bytes;
    std::string media_type;  ///< "image/jpeg", or "image/png" where it is transparent
    unsigned width = 0, height = 0;
};

/// Media of the records that pass through an export. Threads: any.
class MediaLibrary {
public:
    virtual ~MediaLibrary() = default;
    /// Fails: not_found (missing); corrupt, unsupported (a conversion was asked for and cannot be
    /// done). Either is an omission of that medium, never the end of the export.
    virtual Result<MediaFile> open(data::MediaRef const& media, std::stop_token stop) = 0;
    /// At most `edge_pixels` on its longer side. Fails: unsupported (not a picture that can be
    /// shown); else as open.
    virtual Result<Preview> preview(data::MediaRef const& media, unsigned edge_pixels,
                                    std::stop_token stop) = 0;
};

/// Writes records, one after the other, in bounded memory whatever their number. What must be
/// remembered for every record (a table of contents, a search index) goes to OutputTree::spool().
///
/// A killed export goes on where its last checkpoint was: the job calls checkpoint() from time to
/// time and, in the next process, resume() with that state instead of begin(). The bytes are the
/// same as those of an uninterrupted run: nothing in them may depend on when the export ran beyond
/// ExportInfo, or on where it was interrupted.
class RecordWriter {
public:
    virtual ~RecordWriter() = default;
    virtual Result<void> begin(ExportInfo const& info) = 0;
    /// Types come one after the other, in the order of ExportInfo::types; within one, records come
    /// in FormatKind::order, or as the person asked.
    virtual Result<void> add(data::Record const& record, MediaLibrary& media,
                             std::stop_token stop) = 0;
    virtual Result<FormatSummary> finish(std::stop_token stop) = 0;

    /// Everything a resume() needs beside the tree's own state (small: positions, counters, the
    /// summary so far). Called between two records. Empty: this writer can only start again.
    virtual Result<std::optional<Bytes>> checkpoint() { return std::optional<Bytes>(); }
    /// In the place of begin(), on a tree that was itself resumed: reopen files and spools.
    /// Fails: corrupt.
    virtual Result<void> resume(ExportInfo const& info, ByteView state) {
        static_cast<void>(info);
        static_cast<void>(state);
        return fail(Fault::unsupported, "this format starts again");
    }
};

struct FormatKind {
    std::string_view name, media_type, extension, description;
    bool single_file;         ///< else a folder of files, or a container (.zip, .tar.gz) of them
    bool lossless;            ///< imports back equal
    data::RecordOrder order;  ///< in which its writer wants the records of one type
    std::unique_ptr<RecordWriter> (*open)(OutputTree& tree);
};
std::span<FormatKind const> format_kinds();
/// Fails: invalid, naming the known ones.
Result<FormatKind const*> find_format(std::string_view name);

}  // namespace perdure::format
