#include <fmt/format.h>

#include <algorithm>

#include "format/container/check.h"
#include "format/readers.h"
#include "job/export/output_place.h"
#include "job/export_records.h"

namespace perdure::job {

namespace {

Result<crypto::Digest> digest_file(system::Path const& path, std::uint64_t& bytes,
                                   std::stop_token const& stop) {
    PD_TRY(auto file, system::File::open_to_read(path));
    crypto::Sha256 hash;
    Bytes piece(1 << 20);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const got, file.read(piece));
        if (got == 0) return hash.finish();
        hash.update(ByteView(piece).first(got));
        bytes += got;
    }
}

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
        PD_TRY(auto const digest, digest_file(folder / name, proof.bytes, stop));
        lines.update(as_bytes(fmt::format("{}  {}{}\n", to_hex(digest), prefix, name)));
        ++proof.files;
    }
    return {};
}

}  // namespace

Result<OutputProof> digest_output(system::Path const& output, std::stop_token stop) {
    OutputProof proof;
    std::error_code ignored;
    if (!std::filesystem::is_directory(output, ignored)) {
        PD_TRY(proof.digest, digest_file(output, proof.bytes, stop));
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
