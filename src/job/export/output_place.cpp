#include "job/export/output_place.h"

#include <fmt/format.h>

#include "format/container/container.h"
#include "format/disk_tree.h"

namespace perdure::job {

namespace {

constexpr char const* contents = "contents";

format::ContainerOptions container_options(PlaceRequest const& request) {
    return {.modified = request.modified, .expected_bytes = request.expected_bytes};
}

}  // namespace

Result<Wrapping> wrapping_of(format::FormatKind const& kind, system::Path const& output) {
    auto const name = output.filename().string();
    auto const ends = [&](std::string_view extension) {
        return name.size() > extension.size() + 1 && name.ends_with(extension) &&
               name[name.size() - extension.size() - 1] == '.';
    };
    // The extension of an archive is its container's, which wraps its many files.
    bool const container = ends("zip") || ends("tar.gz") || ends("tgz");
    if (ends(kind.extension) && (kind.single_file || !container)) return Wrapping::single_file;
    auto const wrap = ends("zip")                     ? Wrapping::zip
                      : ends("tar.gz") || ends("tgz") ? Wrapping::tar_gz
                                                      : Wrapping::folder;
    if (!kind.single_file) return wrap;
    if (wrap == Wrapping::folder) return Wrapping::single_file;
    return fail(Fault::invalid, fmt::format("{} is one file and goes into no container", kind.name))
        .with_code(2)
        .with_fix(fmt::format("name it records.{}, or take --format {}", kind.extension,
                              wrap == Wrapping::zip ? "zip" : "tar.gz"));
}

Result<void> OutputPlace::open_parcel(PlaceRequest const& request) {
    output_ = content_ = request.output;
    if (!request.parcel || request.parcel->empty()) return {};
    parcel_ = request.parcel;
    if (parcel_->part_bytes > 0) {
        PD_TRY(parcel_tree_, format::open_folder(output_));
    } else {
        PD_TRY(parcel_tree_, format::open_single_file(output_, request.replace));
    }
    content_ =
        format::work_folder(output_) / "content" / content_name(output_, *parcel_).filename();
    return {};
}

Result<OutputPlace> OutputPlace::open(PlaceRequest const& request) {
    OutputPlace place;
    PD_CHECK(place.open_parcel(request));
    PD_TRY(auto const wrapping, wrapping_of(*request.kind, place.content_));
    if (wrapping == Wrapping::folder) {
        PD_TRY(place.disk_, format::open_folder(place.content_));
        return place;
    }
    bool const replace = request.replace || place.parcel_;
    PD_TRY(place.disk_, format::open_single_file(place.content_, replace));
    if (wrapping == Wrapping::single_file) return place;
    auto const open = wrapping == Wrapping::zip ? format::open_zip : format::open_tar_gz;
    PD_TRY(place.container_, open(*place.disk_, contents, container_options(request)));
    return place;
}

Result<OutputPlace> OutputPlace::resume(PlaceRequest const& request, ExportCheckpoint const& at) {
    OutputPlace place;
    PD_CHECK(place.open_parcel(request));
    PD_TRY(auto const wrapping, wrapping_of(*request.kind, place.content_));
    if (wrapping == Wrapping::folder) {
        PD_TRY(place.disk_, format::resume_folder(place.content_, at.disk));
        return place;
    }
    bool const replace = request.replace || place.parcel_;
    PD_TRY(place.disk_, format::resume_single_file(place.content_, replace, at.disk));
    if (wrapping == Wrapping::single_file) return place;
    auto const resume = wrapping == Wrapping::zip ? format::resume_zip : format::resume_tar_gz;
    PD_TRY(place.container_,
           resume(*place.disk_, contents, container_options(request), at.container));
    return place;
}

Result<void> OutputPlace::checkpoint(ExportCheckpoint& at) {
    at.container.clear();
    if (container_) {
        PD_TRY(at.container, container_->checkpoint());
    }
    PD_TRY(at.disk, disk_->checkpoint());
    return {};
}

Result<void> OutputPlace::seal() {
    return container_ ? container_->finish() : Result<void>();
}

system::Path OutputPlace::sealed() const {
    return format::work_folder(content_) / "files";
}

system::Path OutputPlace::packed() const {
    return format::work_folder(output_) / "files";
}

Result<void> OutputPlace::pack(std::stop_token stop) {
    if (!parcel_) return {};
    return pack_parcel(sealed(), output_, *parcel_, *parcel_tree_, packed(), std::move(stop));
}

}  // namespace perdure::job
