#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "data/stream.h"
#include "data/value.h"

namespace perdure::data {

/// A value that lies in somebody else's memory; text may hold NUL and invalid sequences.
using ValueView = std::variant<Null, std::int64_t, double, std::string_view, ByteView>;
Value to_value(ValueView view);

struct FieldView {
    std::string_view name;
    ValueView value;
};

/// A file that a record refers to.
struct MediaRef {
    std::string path;      ///< below the media folder, as the application writes it
    bool present = false;  ///< whether the file is there
    std::uint64_t size = 0;
};

struct EmbeddingView {
    std::string_view model;
    std::string_view dtype;  ///< "f32"
    ByteView vector;
};

/// One row seen through the mapping: all of its columns, and the roles that people and formats ask
/// for. Views live until the next call of the reader.
struct Record {
    std::string_view type;  ///< "memory"
    std::string_view table;
    std::string id;                 ///< the key as text: "17", or "a/b" for a key of two columns
    std::vector<FieldView> fields;  ///< every column of the row, in table order
    std::string_view title, body, body_format;  ///< body_format: "markdown", "html", "text"
    std::string_view project, category, collection;
    std::optional<Timestamp> created, updated;
    std::vector<std::string> tags;
    std::vector<MediaRef> media;
    std::optional<EmbeddingView> embedding;
    std::string_view subject;  ///< key of the person it is about, as text; null: nobody
    std::string_view subject_label;
    /// Of a record that was read from a file: members that nobody knows, as one JSON object; empty:
    /// none. They leave again as they came.
    std::string_view extra;
};

/// What a record type looks like: for headers, schemas and tables.
struct RecordType {
    std::string type, table;
    std::vector<std::string> columns;         ///< names of Record::fields
    std::vector<std::string> declared_types;  ///< of the columns, as the database declares them
    std::vector<std::string> key_columns;
    /// Role → mapping expression, as configured.
    std::map<std::string, std::string> roles;
    std::uint64_t rows = 0;  ///< in the table, before any filter
};

/// The order of the records of one type; ties by the one before, in the end by the key: the same
/// order for the same data, always. Missing values come first.
enum class RecordOrder {
    created,     ///< created, key
    updated,     ///< updated, key
    title,       ///< title, created, key
    collection,  ///< collection, created, key
    project,     ///< project, category, created, key
    key,
};

/// Records of one source, type by type.
/// Threads: one; open_media from any.
class RecordReader {
public:
    virtual ~RecordReader() = default;
    virtual std::vector<RecordType> const& types() const = 0;
    /// Null at the end. Valid until the next call.
    virtual Result<Record const*> next(std::stop_token stop) = 0;
    /// The original bytes of a media file. Fails on open: not_found.
    virtual std::shared_ptr<Content> open_media(std::string const& path) = 0;
    virtual std::vector<Problem> take_problems() = 0;
};

}  // namespace perdure::data
