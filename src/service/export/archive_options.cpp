#include "service/export/archive_options.h"

#include "format/container/minisign/minisign.h"

namespace perdure::service {

namespace {

Result<system::Path> signing_key(Workspace const& workspace) {
    auto const path = workspace.state_folder() / "archive-signing.key";
    if (system::exists(path)) return path;
    PD_CHECK(system::make_folders(path.parent_path()));
    auto const key = format::MinisignKey::make(system::real_random());
    auto const written =
        system::write_file(path, as_bytes(key.file()), {.replace = false, .mode = 0600});
    // Another process may have been first; then its key is the one.
    if (!written && written.error().fault() != Fault::conflict) return written.error();
    return path;
}

}  // namespace

Result<std::map<std::string, std::string>> with_archive_options(Workspace const& workspace,
                                                                ExportCall const& call) {
    auto options = call.options;
    if (call.format != "archive") return options;
    if (!options.contains("sign-key")) {
        PD_TRY(auto const key, signing_key(workspace));
        options["sign-key"] = key.string();
    }
    if (!call.parcel.seal.empty()) options["encryption"] = "age";
    auto const name = job::content_name(call.output, call.parcel).filename().string();
    if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) options["compression"] = "gzip";
    if (name.ends_with(".zip")) options["compression"] = "deflate";
    return options;
}

}  // namespace perdure::service
