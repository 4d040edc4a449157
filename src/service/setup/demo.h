#pragma once

#include "demo/sample_apps.h"
#include "job/restore.h"
#include "service/setup/quickstart.h"

namespace perdure::service {

struct DemoCall {
    system::Path folder;  ///< absent or empty; everything goes below it
    demo::SampleOptions sample;
    QuickstartCall quickstart;  ///< its target and folder are set here
};

struct DemoAnswer {
    system::Path apps;
    QuickstartAnswer quickstart;
    BackupAnswer second;  ///< after one file changed
    job::RestoreReport restored;
    system::Path restored_to;
};

enum class DemoStage { made_apps, second_backup, restored };

/// Makes the sample applications, then tells the whole story on them: quickstart, a change, a
/// second backup, a restore. Fails: conflict (the folder is not empty).
Result<DemoAnswer> run_demo(DemoCall const& call,
                            std::function<void(Stage, QuickstartAnswer const&)> each_stage,
                            std::function<void(DemoStage, DemoAnswer const&)> each);

}  // namespace perdure::service
