#pragma once

#include <functional>

#include "job/drill.h"
#include "origin/discover/inventory.h"
#include "service/backup.h"
#include "service/health/health.h"
#include "service/upkeep.h"

namespace perdure::service {

/// The steps of a quickstart, in their order.
enum class Stage { space, discover, configure, key, backup, verify, drill, done };

struct QuickstartCall {
    system::Path target;  ///< a database, folder or repository; never touched
    system::Path folder;  ///< where configuration, key and backups go
    std::stop_token stop;
    AskSecret ask_secret;
    repository::Progress progress;
    /// Told before each stage begins, and what came of the one before.
    std::function<void(Stage stage)> begin;
};

struct QuickstartAnswer {
    system::Path config, key_file, recovery_kit, backups;
    std::uint64_t bytes_needed = 0, bytes_free = 0;
    origin::Inventory inventory;
    BackupAnswer backup;
    VerifyAnswer verify;
    job::DrillReport drill;
    system::Path drill_report;  ///< signed; empty when it could not be kept
    Health health;
    double duration_s = 0;
};

/// From nothing to a proven backup. Refuses early, changing nothing, when the folder holds a
/// perdure.toml, perdure.key, perdure-recovery.txt or backups already (conflict), when space is
/// short (exhausted), or when nothing worth keeping is found (not_found). `each` is told after each
/// stage.
Result<QuickstartAnswer> quickstart(QuickstartCall const& call,
                                    std::function<void(Stage, QuickstartAnswer const&)> each);

}  // namespace perdure::service
