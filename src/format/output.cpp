#include "format/output.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <optional>

#include "system/step.h"

namespace perdure::format {

namespace {

/// A file that counts only when finished: hidden under a temporary name until then.
class FileOutput : public Output {
public:
    FileOutput(system::File file, system::Path name, Timestamp modified)
        : file_(std::move(file)), name_(std::move(name)), modified_(modified) {}

    Result<void> write(ByteView bytes) override {
        append(waiting_, bytes);
        if (waiting_.size() < buffer_bytes) return {};
        return flush();
    }
    Result<void> finish() override {
        PD_CHECK(flush());
        PD_CHECK(file_.sync());
        if (modified_ != Timestamp{}) {
            timespec const when{modified_.seconds, modified_.nanoseconds};
            timespec const times[2] = {when, when};
            PD_CHECK(system::step(system::Step::set_metadata, name_.native()));
            ::futimens(file_.descriptor(), times);  // a date that does not stick loses nothing
        }
        return file_.close();
    }

private:
    static constexpr std::size_t buffer_bytes = 256 << 10;
    Result<void> flush() {
        PD_CHECK(file_.write(waiting_));
        waiting_.clear();
        return {};
    }

    system::File file_;
    system::Path name_;
    Timestamp modified_;
    Bytes waiting_;
};

Result<void> check_relative(std::string const& name) {
    if (name.empty() || name.size() > 4000) return fail(Fault::invalid, "a file name of no use");
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

Result<std::unique_ptr<Output>> create_file(system::Path const& path, Timestamp modified) {
    PD_TRY(auto file, system::File::create(path, 0644));
    return std::make_unique<FileOutput>(std::move(file), path, modified);
}

class FileSpool : public Spool {
public:
    explicit FileSpool(system::File file) : file_(std::move(file)) {}
    Result<void> append(ByteView bytes) override {
        PD_CHECK(file_.write_at(bytes, size_));
        size_ += bytes.size();
        return {};
    }
    std::uint64_t size_bytes() const override { return size_; }
    Result<std::size_t> read_at(ByteSpan into, std::uint64_t offset_bytes) override {
        return file_.read_at(into, offset_bytes);
    }

private:
    system::File file_;
    std::uint64_t size_ = 0;
};

/// The spools of one tree, in a private folder of their own.
class Spools {
public:
    Result<std::unique_ptr<Spool>> open(std::string const& name) {
        PD_CHECK(check_relative(name));
        if (!folder_) {
            PD_TRY(folder_, system::ScratchFolder::create());
        }
        PD_TRY(auto file, system::File::create(folder_->path() / name));
        return std::make_unique<FileSpool>(std::move(file));
    }

private:
    std::optional<system::ScratchFolder> folder_;
};

bool holds_something(system::Path const& path) {
    std::error_code ignored;
    return system::exists(path) && !std::filesystem::is_empty(path, ignored);
}

class Folder : public OutputTree {
public:
    Folder(system::Path final_name, system::Path hidden)
        : final_(std::move(final_name)), hidden_(std::move(hidden)) {}
    ~Folder() override {
        if (!finished_) static_cast<void>(system::remove_tree(hidden_));
    }

    Result<std::unique_ptr<Output>> create(std::string const& name, FileOptions options) override {
        PD_CHECK(check_relative(name));
        auto const path = hidden_ / name;
        PD_CHECK(system::make_folders(path.parent_path(), 0755));
        return create_file(path, options.modified);
    }
    Result<std::unique_ptr<Spool>> spool(std::string const& name) override {
        return spools_.open(name);
    }
    Result<Bytes> checkpoint() override {
        return fail(Fault::unsupported, "this output can only start again");
    }
    Result<std::unique_ptr<Output>> reopen(std::string const& name) override {
        return fail(Fault::unsupported, name + " cannot be written on");
    }
    Result<void> finish() override {
        // Takes the place of an empty folder; the kernel refuses one that holds something.
        PD_CHECK(system::rename(hidden_, final_));
        finished_ = true;
        return system::sync_folder(final_.parent_path().empty() ? "." : final_.parent_path());
    }

private:
    system::Path final_, hidden_;
    Spools spools_;
    bool finished_ = false;
};

class SingleFile : public OutputTree {
public:
    SingleFile(system::Path final_name, bool replace)
        : final_(std::move(final_name)), replace_(replace) {
        hidden_ = final_;
        hidden_ += ".perdure-part";
    }
    ~SingleFile() override {
        if (!finished_ && created_) static_cast<void>(system::remove_file(hidden_));
    }

    Result<std::unique_ptr<Output>> create(std::string const& name, FileOptions) override {
        if (created_) {
            return fail(Fault::invalid,
                        fmt::format("one file was asked for; \"{}\" is one more", name));
        }
        PD_CHECK(system::remove_file(hidden_));  // of a run that died
        created_ = true;
        return create_file(hidden_, {});
    }
    Result<std::unique_ptr<Spool>> spool(std::string const& name) override {
        return spools_.open(name);
    }
    Result<Bytes> checkpoint() override {
        return fail(Fault::unsupported, "this output can only start again");
    }
    Result<std::unique_ptr<Output>> reopen(std::string const& name) override {
        return fail(Fault::unsupported, name + " cannot be written on");
    }
    Result<void> finish() override {
        if (!replace_ && system::exists(final_)) {
            return fail(Fault::conflict, final_.string() + " appeared meanwhile");
        }
        PD_CHECK(system::rename(hidden_, final_));
        finished_ = true;
        return system::sync_folder(final_.parent_path().empty() ? "." : final_.parent_path());
    }

private:
    system::Path final_, hidden_;
    Spools spools_;
    bool replace_, created_ = false, finished_ = false;
};

}  // namespace

Result<std::unique_ptr<OutputTree>> open_folder(system::Path const& folder) {
    if (holds_something(folder)) {
        return fail(Fault::conflict, fmt::format("{} is not empty", folder.string()))
            .with_fix("name a new or empty folder");
    }
    auto hidden = folder;
    hidden += ".perdure-part";
    PD_CHECK(system::remove_tree(hidden));
    PD_CHECK(system::make_folders(hidden, 0755));
    return std::make_unique<Folder>(folder, std::move(hidden));
}

Result<std::unique_ptr<OutputTree>> open_single_file(system::Path const& file, bool replace) {
    if (!replace && system::exists(file)) {
        return fail(Fault::conflict, fmt::format("{} exists already", file.string()))
            .with_fix("name another file, or remove this one");
    }
    return std::make_unique<SingleFile>(file, replace);
}

}  // namespace perdure::format
