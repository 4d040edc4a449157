#include <fmt/format.h>

#include <algorithm>

#include "format/container/check.h"
#include "format/readers.h"
#include "job/export/output_place.h"
#include "job/export_records.h"
#include "job/file_hash.h"

namespace perdure::job {

namespace {

/// Adds the lines of a folder's files, sorted by their whole path, one folder in memory at a time.
Result<void> digest_folder(system::Path const& folder, std::string const& prefix,
                           crypto::Sha256& lines, OutputProof& proof, std::stop_token const& stop) {
    std::vector<std::string> names;  // folders end in '/': so they sort among whole paths
    std::error_code error;
    for (auto it = std::filesystem::directory_iterator(folder, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
        auto name = it->path().filename().string();
        if (it->is_directory() && !it->is_symlink()) name += '/';
        names.push_back(std::move(name));
    }
    if (error) return system::error_from_errno(error.value(), "list " + folder.string());
    std::ranges::sort(names);
    for (auto const& name : names) {
        if (name.ends_with('/')) {
            PD_CHECK(digest_folder(folder / name, prefix + name, lines, proof, stop));
            continue;
        }
        PD_TRY(auto const file, hash_file(folder / name, stop));
        proof.bytes += file.bytes;
        lines.update(as_bytes(fmt::format("{}  {}{}\n", to_hex(file.digest), prefix, name)));
        ++proof.files;
    }
    return {};
}

}  // namespace

Result<OutputProof> digest_output(system::Path const& output, std::stop_token stop) {
    OutputProof proof;
    std::error_code ignored;
    if (!std::filesystem::is_directory(output, ignored)) {
        PD_TRY(auto const file, hash_file(output, stop));
        proof.digest = file.digest;
        proof.bytes = file.bytes;
        proof.files = 1;
        return proof;
    }
    crypto::Sha256 lines;
    PD_CHECK(digest_folder(output, "", lines, proof, stop));
    proof.digest = lines.finish();
    return proof;
}

Result<OutputProof> prove_output(system::Path const& written, format::FormatKind const& kind,
                                 system::Path const& final_name, std::stop_token stop) {
    PD_TRY(auto proof, digest_output(written, stop));
    auto const name = final_name.filename().string();
    // Of a parcel only who has the keys, or joins it, sees more.
    if (holds_parts(written)) {
        PD_CHECK(check_parts(written, stop));
        return proof;
    }
    if (name.ends_with(".age")) return proof;
    if (name.ends_with(".zip")) {
        PD_TRY(auto const found, format::check_zip(written, stop));
        proof.files = found.files;
    } else if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) {
        PD_TRY(auto const found, format::check_tar_gz(written, stop));
        proof.files = found.files;
    }
    PD_TRY(auto const wrapping, wrapping_of(kind, final_name));
    bool const bare = wrapping == Wrapping::folder || wrapping == Wrapping::single_file;
    auto const& reader = format::format_reader(kind.name);
    if (reader.count_records && bare) {
        PD_TRY(proof.records, reader.count_records(written, stop));
    }
    return proof;
}

}  // namespace perdure::job
