#pragma once

#include <functional>
#include <memory>

#include "data/stream.h"

namespace perdure::data {

/// Puts a source of its own before each that is opened: to slow it down, to hash what passes by.
/// Threads: as the contents are opened, any.
using WrapSource =
    std::function<std::unique_ptr<ByteSource>(std::unique_ptr<ByteSource>, std::stop_token)>;

/// The same content, or tree, read through what `wrap` makes.
std::shared_ptr<Content> wrapped(std::shared_ptr<Content> content, WrapSource wrap);
std::unique_ptr<TreeReader> wrapped(std::unique_ptr<TreeReader> reader, WrapSource wrap);

}  // namespace perdure::data
