#pragma once

#include "format/archive/read/portable_archive.h"
#include "format/container/npz/npz_reader.h"

namespace perdure::format {

/// The embeddings.npz files of an archive, each opened when it is first asked for.
class VectorFiles {
public:
    explicit VectorFiles(PortableArchive const& archive) : archive_(archive) {}

    /// The vector at "vectors/12" of the file beside `records`, which must belong to `id`.
    /// Fails: corrupt (no such row, another's id), as NpzReader::open.
    Result<Bytes> get(std::string_view records, std::string_view place, std::string_view id);
    Result<NpzReader const*> file(std::string_view records);
    /// After all records: whether each vector beside `records` was asked for. Fails: corrupt.
    Result<void> check_all_used(std::string_view records);

private:
    struct Opened {
        std::optional<NpzReader> reader;
        std::optional<Error> error;
        std::map<std::string, std::vector<bool>> used;  ///< a bit a row
    };
    Opened& open(std::string_view records);

    PortableArchive const& archive_;
    std::map<std::string, Opened> files_;
};

/// "memories/memories.json" → "memories/embeddings.npz".
std::string vectors_beside(std::string_view records);

}  // namespace perdure::format
