#pragma once

#include <memory>

#include "data/stream.h"
#include "store/wrap/throttle.h"

namespace perdure::job {

/// The same tree or rows, read no faster than `pace` allows: the application comes first. Bytes are
/// paid for after they were read, so any size passes and the mean rate holds.
/// `pace` outlives the reader and what it opened.
std::unique_ptr<data::TreeReader> paced(std::unique_ptr<data::TreeReader> reader,
                                        store::TokenBucket& pace);
std::unique_ptr<data::RowReader> paced(std::unique_ptr<data::RowReader> reader,
                                       store::TokenBucket& pace);

}  // namespace perdure::job
