#include "demo/sample_apps.h"

#include <filesystem>

#include "demo/app.h"

namespace perdure::demo {

Result<void> make_sample_apps(system::Path const& folder, SampleOptions const& options,
                              std::stop_token stop) {
    std::error_code error;
    if (system::exists(folder) && !std::filesystem::is_empty(folder, error))
        return fail(Fault::conflict, folder.native() + " is not empty")
            .with_fix("name a folder that does not exist yet");
    PD_CHECK(system::make_folders(folder, 0755));
    PD_CHECK(make_memories_app(folder / "memories", options, stop));
    PD_CHECK(make_plant_app(folder / "plants", options, stop));
    PD_CHECK(make_assistant(folder / "assistant", options, stop));
    return make_server_tree(folder / "server", options, stop);
}

}  // namespace perdure::demo
