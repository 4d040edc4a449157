#include "job/export/source_view.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "crypto/hash.h"
#include "job/restore.h"
#include "job/source_options.h"

namespace perdure::job {

namespace {

/// Size, time of change and head of a file; a commit changes at least one of them.
std::string file_state(system::Path const& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || status.st_size == 0) return "-";
    std::string head;
    if (auto file = system::File::open_to_read(path)) {
        Bytes bytes(128);  // the change counter of a database, the salts of a write-ahead log
        if (auto const got = file->read_at(bytes, 0)) {
            head = to_hex(crypto::sha256(ByteView(bytes).first(*got))).substr(0, 16);
        }
    }
    return fmt::format("{}:{}:{}.{}:{}", status.st_ino, status.st_size, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec, head);
}

std::string live_identity(system::Path const& database) {
    std::error_code error;
    auto wal = std::filesystem::canonical(database, error);  // beside what a link leads to
    if (error) wal = database;
    wal += "-wal";
    return fmt::format("live {} {}", file_state(database), file_state(wal));
}

std::uint64_t size_of(system::Path const& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<std::vector<data::Problem>> bring_back(repository::Repository& repository,
                                              ExportRequest const& request,
                                              system::Path const& folder, std::stop_token stop) {
    auto part = folder;
    part += ".part";
    PD_CHECK(system::remove_tree(part));
    PD_CHECK(system::make_folders(part, 0700));
    PD_TRY(auto restored, restore(repository,
                                  {.snapshot = *request.snapshot,
                                   .select = {request.source.name},
                                   .folder = part,
                                   .owners = false,
                                   .durable = false,
                                   .progress = request.progress},
                                  stop));
    PD_CHECK(system::rename(part, folder));
    return std::move(restored.problems);
}

}  // namespace

Result<std::string> data_identity(ExportRequest const& request) {
    if (request.snapshot) return "snapshot " + request.snapshot->id();
    if (!system::exists(request.source.path)) {
        return fail(Fault::not_found,
                    fmt::format("{} does not exist", request.source.path.string()))
            .with_fix(fmt::format("correct [source.{}].path", request.source.name));
    }
    return live_identity(request.source.path);
}

Result<SourceView> view_source(repository::Repository* repository, ExportRequest const& request,
                               system::Path const& work, std::stop_token stop) {
    SourceView view{.source = request.source};
    if (request.snapshot) {
        PD_ASSERT(repository != nullptr);
        auto const found = std::ranges::find(request.snapshot->sources, request.source.name,
                                             &repository::SourceSnapshot::name);
        if (found == request.snapshot->sources.end()) {
            return fail(Fault::not_found,
                        fmt::format("the snapshot has no source \"{}\"", request.source.name));
        }
        auto const folder = work / "source";
        if (!system::exists(folder)) {
            PD_TRY(view.problems, bring_back(*repository, request, folder, stop));
        }
        auto const back = origin::relocated(source_options(*found), folder / request.source.name);
        view.source.path = back.path;
        view.source.media = back.media;
    }
    PD_TRY(view.identity, data_identity(request));
    view.size_bytes = size_of(view.source.path);
    return view;
}

}  // namespace perdure::job
