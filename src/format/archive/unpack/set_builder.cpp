#include "format/archive/unpack/set_builder.h"

#include <fmt/format.h>

namespace perdure::format {

namespace {

/// What the smallest file takes.
constexpr std::uint64_t block_bytes = 4096;
constexpr std::uint64_t free_of_ratio = std::uint64_t{256} << 20, disk_check_bytes = 64 << 20;

bool is_medium(std::string_view name) {
    // media/ab/abcd…, wherever the root is; media.json is none.
    auto const at = name.find("media/");
    return at != name.npos && (at == 0 || name[at - 1] == '/') && !name.ends_with("/media.json");
}

}  // namespace

Result<SetBuilder> SetBuilder::create(OpenOptions const& options) {
    SetBuilder builder;
    builder.options_ = &options;
    PD_TRY(auto scratch, system::ScratchFolder::create(options.scratch_parent));
    builder.set_.folder_ = scratch.path() / "files";
    builder.set_.scratch_ = std::move(scratch);
    PD_CHECK(system::make_folders(builder.set_.folder_));
    return builder;
}

void SetBuilder::describe(std::string container, bool encrypted) {
    set_.container_ = std::move(container);
    set_.encrypted_ = encrypted;
}

Result<void> SetBuilder::check_folder(std::string_view raw_name) {
    PD_CHECK(checked_name(raw_name));
    return {};
}

Result<void> SetBuilder::admit(std::string const& name, std::uint64_t bytes) {
    if (name.empty()) return fail(Fault::denied, "the archive holds a file without a name");
    if (set_.files_.size() >= options_->limits.entries_max) {
        return fail(Fault::exhausted, fmt::format("the archive holds more than {} files",
                                                  options_->limits.entries_max));
    }
    PD_CHECK(names_.add(name));
    if (bytes > options_->limits.bytes_max) {
        return fail(Fault::exhausted, fmt::format("\"{}\" is said to hold {} bytes", name, bytes));
    }
    return {};
}

Result<void> SetBuilder::spend(std::uint64_t bytes) {
    auto const& limits = options_->limits;
    unpacked_ += bytes;
    if (unpacked_ > limits.bytes_max) {
        return fail(Fault::exhausted,
                    fmt::format("the archive unpacks to more than {} bytes", limits.bytes_max));
    }
    if (packed_ > 0 && unpacked_ > free_of_ratio && unpacked_ / limits.ratio_max > packed_) {
        return fail(Fault::exhausted,
                    fmt::format("the archive unpacks to more than {} times its size: a bomb",
                                limits.ratio_max));
    }
    return {};
}

Result<void> SetBuilder::begin(std::string_view raw_name, std::uint64_t announced_bytes) {
    PD_TRY(name_, checked_name(raw_name));
    PD_CHECK(admit(name_, announced_bytes));
    file_ = {};
    file_.kept = options_->keep_media || !is_medium(name_);
    hash_.emplace();
    out_.reset();
    if (!file_.kept) return {};
    auto const path = set_.folder_ / name_;
    // A file where a folder must be is a name of two meanings.
    auto made = system::make_folders(path.parent_path());
    auto created = made ? system::File::create(path) : Result<system::File>(made.error());
    if (!created) {
        if (created.error().fault() != Fault::conflict) return created.error();
        return fail(Fault::denied, fmt::format("\"{}\" is a file and a folder", name_));
    }
    out_ = std::move(*created);
    on_disk_ += block_bytes;
    return {};
}

Result<void> SetBuilder::write(ByteView bytes) {
    PD_CHECK(spend(bytes.size()));
    hash_->update(bytes);
    file_.bytes += bytes.size();
    if (!out_) return {};
    on_disk_ += bytes.size();
    if (on_disk_ - checked_at_ >= disk_check_bytes) {
        checked_at_ = on_disk_;
        PD_TRY(auto const left, system::free_bytes(set_.folder_));
        if (left < options_->limits.disk_reserve_bytes) {
            return fail(Fault::exhausted, "too little room in the scratch folder to unpack")
                .with_fix("set TMPDIR to a larger disk");
        }
    }
    return out_->write(bytes);
}

Result<void> SetBuilder::end(bool damaged) {
    if (out_) PD_CHECK(out_->close());
    out_.reset();
    file_.hash = hash_->finish();
    file_.damaged = damaged;
    set_.files_.emplace(name_, file_);
    return {};
}

Result<void> SetBuilder::note(std::string const& name, std::uint64_t bytes) {
    PD_TRY(auto const checked, checked_name(name));
    PD_CHECK(admit(checked, bytes));
    set_.files_.emplace(checked, FileSet::File{.bytes = bytes});
    return {};
}

}  // namespace perdure::format
