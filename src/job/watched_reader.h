#pragma once

#include <memory>
#include <optional>

#include "data/stream.h"

namespace perdure::job {

/// Passes a result on; where it is an error, `failure` keeps it: what is watched so is the source,
/// and its failures can be told from those of the repository that it is written to.
template <typename T>
Result<T> watched(Result<T> result, std::optional<Error>& failure) {
    if (!result) failure = result.error();
    return result;
}

/// The same tree or rows, watched. `failure` outlives the reader.
std::unique_ptr<data::TreeReader> watched(std::unique_ptr<data::TreeReader> reader,
                                          std::optional<Error>& failure);
/// `media` counts the media files and folders that pass by.
std::unique_ptr<data::RowReader> watched(std::unique_ptr<data::RowReader> reader,
                                         std::optional<Error>& failure, std::uint64_t& media);

}  // namespace perdure::job
