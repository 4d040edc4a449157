#pragma once

#include "service/config/config.h"

namespace perdure::service {

/// Media of people that another source takes in as well, as files of nobody's: what they show
/// outlives every erasure there. Warned about where such a folder does not stay out by itself.
void name_media_twice(Settings& settings, std::vector<SourceConfig> const& sources);

}  // namespace perdure::service
