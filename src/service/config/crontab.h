#pragma once

#include "service/config/settings.h"
#include "system/file.h"

namespace perdure::service {

/// Of each [schedule.NAME], which this version does not act on: the line for `crontab -e` that does
/// the same, as the fix of its warning.
void name_crontab_lines(Settings& settings, system::Path const& file);

/// As one word of a crontab's command: quoted for the shell, and with \%, for cron makes a line of
/// its own of what follows a bare percent sign.
std::string crontab_word(std::string_view word);

}  // namespace perdure::service
