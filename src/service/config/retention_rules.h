#pragma once

#include "service/config/config.h"

namespace perdure::service {

/// The rules of one section; faults join those of the settings.
RetentionConfig read_retention(Settings& settings, Section const& section);

/// Those that count: "default", or the only ones. Null: there are none, or several without it.
RetentionConfig const* rules_in_use(std::vector<RetentionConfig> const& all);

/// Who gave each source rules of its own must not believe that they are followed.
void name_idle_rules(Settings& settings, std::vector<RetentionConfig> const& all);

}  // namespace perdure::service
