#pragma once

#include <optional>

#include "base/codec.h"
#include "data/record.h"
#include "format/archive/archive_files.h"
#include "format/container/npz/npz_writer.h"

namespace perdure::format {

/// Embeddings of one embeddings.npz. Vectors of one element type and dimension make a matrix: the
/// first kind met is called "vectors", each other "vectors_f32_768" and the like; beside each lie
/// "ids…" (fixed width) and "model…" (a position in "models").
class VectorsPart {
public:
    static Result<VectorsPart> open(OutputTree& tree, std::string const& name);

    /// Where the vector went: "vectors/12". Empty, when a matrix cannot hold it (a size that is no
    /// multiple of its element, an unknown element type, the 17th kind, the 4097th model): it
    /// belongs into the record then.
    Result<std::optional<std::string>> add(std::string_view id, data::EmbeddingView const& vector);
    Result<ArchiveFiles::Written> write(ArchiveFiles& files, std::string_view name);
    std::uint64_t count() const;
    /// Model → vectors.
    std::vector<std::pair<std::string, std::uint64_t>> const& models() const { return models_; }

    void save(Encoder& out) const;
    Result<void> restore(Decoder& in);

private:
    struct Kind {
        std::string dtype;
        std::uint64_t dimension = 0, rows = 0;
        std::uint64_t widest_id = 1;  ///< in characters
        std::unique_ptr<Spool> vectors, ids, models;

        std::string suffix(bool first) const;
    };

    Result<Kind*> kind_for(std::string_view dtype, std::uint64_t dimension);
    Result<void> open_spools(Kind& kind, std::size_t position);
    std::optional<std::uint16_t> model_for(std::string_view model);
    void add_arrays(std::vector<NpzArray>& arrays, Kind const& kind, bool first) const;

    OutputTree* tree_ = nullptr;
    std::string name_;
    std::vector<Kind> kinds_;
    std::vector<std::pair<std::string, std::uint64_t>> models_;
};

/// How an id stands in "ids…": as it is, or "sha256:…" where a fixed width cannot hold it (more
/// than 128 characters, no UTF-8, a NUL at the end).
std::string vector_id(std::string_view id);

}  // namespace perdure::format
