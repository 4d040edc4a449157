#include "format/output.h"

#include <fmt/format.h>

#include <map>

#include "base/codec.h"
#include "base/time_codec.h"
#include "format/disk_file.h"
#include "format/disk_tree.h"
#include "system/durable.h"

namespace perdure::format {

namespace {

constexpr std::uint8_t state_version = 1;

bool holds_something(system::Path const& path) {
    std::error_code ignored;
    return system::exists(path) && !std::filesystem::is_empty(path, ignored);
}

system::Path folder_of(system::Path const& path) {
    return path.parent_path().empty() ? system::Path(".") : path.parent_path();
}

/// Files below a hidden work folder that take their final name when finished: one file, or a
/// folder.
///
///   files    the folder to be, or the one file to be
///   names    every file's name as it is created, NUL after each: what a resume has to take away is
///            what stands after the length that its checkpoint remembers
///   spools/  what writers put aside
class DiskTree : public OutputTree {
public:
    struct Options {
        system::Path final_name;
        bool single = false, replace = false;
    };

    explicit DiskTree(Options options)
        : options_(std::move(options)), work_(work_folder(options_.final_name)) {}
    ~DiskTree() override {
        if (!kept_) static_cast<void>(clear());
    }

    Result<void> begin() {
        PD_CHECK(clear());
        PD_CHECK(system::make_folders(work_, 0700));
        if (!options_.single) PD_CHECK(system::make_folders(work_ / "files", 0755));
        PD_TRY(names_, system::File::create(work_ / "names"));
        return {};
    }

    Result<void> resume(ByteView state) {
        kept_ = true;
        Decoder in(state);
        PD_TRY(auto const version, in.u8());
        if (version != state_version) return fail(Fault::corrupt, "a state of another version");
        PD_TRY(names_bytes_, in.varint());
        PD_TRY(any_, in.u8());
        PD_CHECK(positions(in, [&](std::string name, DiskPosition at) -> Result<void> {
            waiting_[std::move(name)] = at;
            return {};
        }));
        PD_CHECK(positions(in, [&](std::string name, DiskPosition at) -> Result<void> {
            PD_TRY(auto file, system::open_to_go_on(work_ / "spools" / name, at.size_bytes));
            spools_[std::move(name)] = std::make_shared<DiskFile>(std::move(file), at);
            return {};
        }));
        PD_CHECK(in.expect_end());
        PD_CHECK(forget_later_files());
        PD_TRY(names_, system::open_to_go_on(work_ / "names", names_bytes_));
        return {};
    }

    Result<std::unique_ptr<Output>> create(std::string const& name, FileOptions options) override {
        PD_CHECK(check_relative_name(name));
        if (options_.single && any_ != 0) {
            return fail(Fault::invalid,
                        fmt::format("one file was asked for; \"{}\" is one more", name));
        }
        auto const path = place_of(name);
        if (auto const parent = path.parent_path(); !options_.single && parent != made_) {
            PD_CHECK(system::make_folders(parent, 0755));
            made_ = parent;
        }
        any_ = 1;
        auto logged = name;
        logged += '\0';
        PD_CHECK(names_.write(as_bytes(logged)));
        names_bytes_ += logged.size();
        PD_TRY(auto file, system::File::create(path, 0644));
        return opened(
            name, std::make_shared<DiskFile>(std::move(file), DiskPosition{0, options.modified}));
    }

    bool parallel() const override { return !options_.single; }

    Result<std::unique_ptr<Spool>> spool(std::string const& name) override {
        PD_CHECK(check_relative_name(name));
        auto& file = spools_[name];
        if (!file) {
            auto const path = work_ / "spools" / name;
            PD_CHECK(system::make_folders(path.parent_path(), 0700));
            // One that was asked for after the checkpoint only.
            if (system::exists(path)) PD_CHECK(system::remove_file(path));
            PD_TRY(auto created, system::File::create(path));
            file = std::make_shared<DiskFile>(std::move(created), DiskPosition{});
        }
        return spool_on(file);
    }

    Result<Bytes> checkpoint() override {
        Encoder out;
        out.u8(state_version);
        out.varint(names_bytes_);
        out.u8(any_);
        PD_CHECK(put_positions(out, open_));
        PD_CHECK(put_positions(out, spools_));
        PD_CHECK(make_durable());
        kept_ = true;
        return out.take();
    }

    Result<std::unique_ptr<Output>> reopen(std::string const& name) override {
        auto const found = waiting_.find(name);
        if (found == waiting_.end()) {
            return fail(Fault::corrupt, name + " was not open at the checkpoint");
        }
        auto const at = found->second;
        waiting_.erase(found);
        PD_TRY(auto file, system::open_to_go_on(place_of(name), at.size_bytes));
        return opened(name, std::make_shared<DiskFile>(std::move(file), at));
    }

    Result<void> finish() override {
        if (options_.single && any_ == 0) return fail(Fault::internal, "no file was written");
        PD_CHECK(make_durable());
        if (finished_) PD_CHECK(sync_single_file());
        auto const& final_name = options_.final_name;
        if (options_.single && !options_.replace) {
            auto renamed = system::rename_without_replacing(work_ / "files", final_name);
            if (!renamed && renamed.error().fault() == Fault::conflict) {
                return fail(Fault::conflict, final_name.string() + " appeared meanwhile");
            }
            PD_CHECK(std::move(renamed));
        } else {
            // Takes the place of an empty folder; the kernel refuses one that holds something.
            PD_CHECK(system::rename(work_ / "files", final_name));
        }
        kept_ = false;
        return system::sync_folder(folder_of(final_name));
    }

private:
    using Files = std::map<std::string, std::shared_ptr<DiskFile>>;

    system::Path place_of(std::string const& name) const {
        return options_.single ? work_ / "files" : work_ / "files" / name;
    }

    std::unique_ptr<Output> opened(std::string const& name, std::shared_ptr<DiskFile> file) {
        open_[name] = file;
        return output_on(file, [this, name, file]() -> Result<void> {
            open_.erase(name);
            if (!options_.single) return file->close();
            finished_ = file;
            return file->settle();
        });
    }

    /// Only now: meanwhile it was read back, and much of it has reached the disk. It was never
    /// closed, so that no error of that is missed.
    Result<void> sync_single_file() {
        PD_CHECK(finished_->sync());
        return std::exchange(finished_, {})->close();
    }

    /// Of a folder's many files nobody wants an fsync each.
    Result<void> make_durable() {
        if (!options_.single) return system::sync_file_system(names_);
        for (auto const& [name, file] : open_) PD_CHECK(file->sync());
        for (auto const& [name, file] : spools_) PD_CHECK(file->sync());
        return {};
    }

    static Result<void> put_positions(Encoder& out, Files const& files) {
        out.varint(files.size());
        for (auto const& [name, file] : files) {
            PD_CHECK(file->flush());
            auto const at = file->position();
            out.text(name);
            out.varint(at.size_bytes);
            encode_time(out, at.modified);
        }
        return {};
    }

    template <typename Each>
    static Result<void> positions(Decoder& in, Each each) {
        PD_TRY(auto count, in.varint());
        for (; count > 0; --count) {
            PD_TRY(auto name, in.text(file_name_bytes_max));
            PD_CHECK(check_relative_name(name));
            DiskPosition at;
            PD_TRY(at.size_bytes, in.varint());
            PD_TRY(at.modified, decode_time(in));
            PD_CHECK(each(std::move(name), at));
        }
        return {};
    }

    /// Removes the files that were created after the checkpoint.
    Result<void> forget_later_files() {
        PD_TRY(auto names, system::File::open_to_read(work_ / "names"));
        PD_TRY(auto const size, names.size_bytes());
        Bytes piece(std::max<std::uint64_t>(size, names_bytes_) - names_bytes_);
        PD_TRY(auto const got, names.read_at(piece, names_bytes_));
        std::string_view rest = as_text(ByteView(piece).first(got));
        while (!rest.empty()) {
            auto const name = std::string(rest.substr(0, rest.find('\0')));
            rest.remove_prefix(std::min(rest.size(), name.size() + 1));
            // The last name may be a part of one: its file was not created yet.
            if (!check_relative_name(name) || !system::exists(place_of(name))) continue;
            PD_CHECK(system::remove_file(place_of(name)));
        }
        return {};
    }

    /// Takes away what trees keep in the work folder, and the folder if nothing else is in it.
    Result<void> clear() {
        for (auto const* name : {"files", "names", "spools"}) {
            PD_CHECK(system::remove_tree(work_ / name));
        }
        if (!holds_something(work_)) return system::remove_tree(work_);
        return {};
    }

    Options options_;
    system::Path work_, made_;
    system::File names_;
    std::uint64_t names_bytes_ = 0;
    std::uint8_t any_ = 0;  ///< whether a file was created
    Files open_, spools_;
    std::shared_ptr<DiskFile> finished_;           ///< the single file, not synced yet
    std::map<std::string, DiskPosition> waiting_;  ///< open at the checkpoint, not reopened yet
    bool kept_ = false;
};

Result<std::unique_ptr<DiskTree>> disk_tree(DiskTree::Options options) {
    auto const& final_name = options.final_name;
    if (options.single) {
        std::error_code ignored;
        if (std::filesystem::is_directory(final_name, ignored)) {
            return fail(Fault::conflict, fmt::format("{} is a folder", final_name.string()))
                .with_fix("name a file in it");
        }
        if (!options.replace && system::exists(final_name)) {
            return fail(Fault::conflict, fmt::format("{} exists already", final_name.string()))
                .with_fix("name another file, or remove this one");
        }
    } else if (holds_something(final_name)) {
        return fail(Fault::conflict, fmt::format("{} is not empty", final_name.string()))
            .with_fix("name a new or empty folder");
    }
    return std::make_unique<DiskTree>(std::move(options));
}

Result<std::unique_ptr<OutputTree>> begun(DiskTree::Options options) {
    PD_TRY(auto tree, disk_tree(std::move(options)));
    PD_CHECK(tree->begin());
    return tree;
}

Result<std::unique_ptr<OutputTree>> resumed(DiskTree::Options options, ByteView state) {
    PD_TRY(auto tree, disk_tree(std::move(options)));
    PD_CHECK(tree->resume(state));
    return tree;
}

}  // namespace

Result<void> check_relative_name(std::string const& name) {
    if (name.empty() || name.size() > file_name_bytes_max) {
        return fail(Fault::invalid, "a file name of no use");
    }
    std::string_view rest = name;
    while (true) {
        auto const part = rest.substr(0, rest.find('/'));
        if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos) {
            return fail(Fault::invalid, fmt::format("\"{}\" could leave the output", name));
        }
        if (part.size() == rest.size()) return {};
        rest.remove_prefix(part.size() + 1);
    }
}

system::Path work_folder(system::Path const& output) {
    auto named = output.lexically_normal();
    if (!named.has_filename()) named = named.parent_path();
    return named.parent_path() / fmt::format(".{}.perdure-work", named.filename().string());
}

Result<std::unique_ptr<OutputTree>> open_folder(system::Path const& folder) {
    return begun({.final_name = folder});
}
Result<std::unique_ptr<OutputTree>> open_single_file(system::Path const& file, bool replace) {
    return begun({.final_name = file, .single = true, .replace = replace});
}
Result<std::unique_ptr<OutputTree>> resume_folder(system::Path const& folder, ByteView state) {
    return resumed({.final_name = folder}, state);
}
Result<std::unique_ptr<OutputTree>> resume_single_file(system::Path const& file, bool replace,
                                                       ByteView state) {
    return resumed({.final_name = file, .single = true, .replace = replace}, state);
}

}  // namespace perdure::format
