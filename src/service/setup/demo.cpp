#include "service/setup/demo.h"

#include "service/restore.h"

namespace perdure::service {

Result<DemoAnswer> run_demo(DemoCall const& call,
                            std::function<void(Stage, QuickstartAnswer const&)> each_stage,
                            std::function<void(DemoStage, DemoAnswer const&)> each) {
    DemoAnswer answer;
    std::error_code error;
    auto const folder = std::filesystem::absolute(call.folder, error).lexically_normal();
    answer.apps = folder / "apps";
    answer.restored_to = folder / "restored";
    PD_CHECK(system::make_folders(folder, 0755));
    PD_CHECK(demo::make_sample_apps(answer.apps, call.sample, call.quickstart.stop));
    each(DemoStage::made_apps, answer);

    QuickstartCall first = call.quickstart;
    first.target = answer.apps;
    first.folder = folder;
    PD_TRY(answer.quickstart, quickstart(first, std::move(each_stage)));

    // Life goes on: one file more. The second backup reads and stores little else.
    PD_CHECK(system::write_file(answer.apps / "server" / "life-goes-on.txt",
                                as_bytes("written after the first backup\n"), {.mode = 0644}));
    WorkspaceOptions options;
    options.config_file = answer.quickstart.config;
    options.ask_secret = call.quickstart.ask_secret;
    options.stop = call.quickstart.stop;
    PD_TRY(auto workspace, Workspace::open(std::move(options)));
    BackupCall again;
    again.tags = {"second"};
    again.progress = call.quickstart.progress;
    PD_TRY(answer.second, backup(*workspace, again));
    each(DemoStage::second_backup, answer);

    RestoreCall back;
    back.folder = answer.restored_to;
    back.progress = call.quickstart.progress;
    PD_TRY(auto restored, restore(*workspace, back));
    answer.restored = std::move(restored.report);
    each(DemoStage::restored, answer);
    return answer;
}

}  // namespace perdure::service
