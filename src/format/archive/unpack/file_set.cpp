#include "format/archive/unpack/file_set.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "format/archive/unpack/file_bytes.h"
#include "format/archive/unpack/set_builder.h"
#include "format/container/age/age.h"
#include "system/random.h"

namespace perdure::format {

namespace {

/// Every regular file below a folder; nothing else may be there.
Result<void> take_folder(SetBuilder& builder, system::Path const& root,
                         std::stop_token const& stop) {
    builder.set_folder(root);
    std::error_code error;
    std::filesystem::recursive_directory_iterator walk(root, error);
    std::filesystem::recursive_directory_iterator const end;
    for (; !error && walk != end; walk.increment(error)) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const name = walk->path().lexically_relative(root).string();
        struct stat status{};
        if (::lstat(walk->path().c_str(), &status) != 0) {
            return system::error_from_errno(errno, name);
        }
        if (S_ISDIR(status.st_mode)) {
            PD_CHECK(SetBuilder::check_folder(name));
            continue;
        }
        if (!S_ISREG(status.st_mode)) {
            return fail(Fault::denied, fmt::format("\"{}\" is a link or a device", name));
        }
        PD_CHECK(builder.note(name, static_cast<std::uint64_t>(status.st_size)));
    }
    if (error) return system::error_from_errno(error.value(), root.string());
    return {};
}

/// A zip needs its end first: what is decrypted goes to the scratch folder.
Result<system::File> settle(data::ByteSource& source, SetBuilder& builder,
                            std::stop_token const& stop) {
    auto const path = builder.scratch() / "container";
    PD_TRY(auto out, system::File::create(path));
    Bytes part(256 << 10);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const count, source.read(part));
        if (count == 0) break;
        PD_CHECK(out.write(ByteView(part).first(count)));
    }
    PD_CHECK(out.close());
    return system::File::open_to_read(path);
}

bool is_zip(ByteView start) {
    return as_text(start).starts_with("PK\x03\x04") || as_text(start).starts_with("PK\x05\x06");
}
bool is_gzip(ByteView start) {
    return as_text(start).starts_with("\x1f\x8b");
}
bool is_tar(ByteView start) {
    return start.size() >= 262 && as_text(start).substr(257, 5) == "ustar";
}

Result<Bytes> first_bytes(system::Path const& path) {
    PD_TRY(auto file, system::File::open_to_read(path));
    Bytes start(512);
    PD_TRY(auto const count, file.read_at(start, 0));
    start.resize(count);
    return start;
}

/// The container, and whether it was encrypted.
Result<void> take_stream(SetBuilder& builder, std::unique_ptr<data::ByteSource> source,
                         ByteView start, bool encrypted, std::stop_token const& stop) {
    auto const salvage = builder.options().salvage;
    if (is_zip(start)) {
        builder.describe("zip", encrypted);
        PD_TRY(auto const file, settle(*source, builder, stop));
        return take_zip(builder, file, stop);
    }
    builder.describe(is_gzip(start) ? "tar.gz" : "tar", encrypted);
    return salvage ? salvage_tar(builder, *source, stop) : take_tar(builder, *source, stop);
}

/// Gives back bytes that were looked at.
class PutBack : public data::ByteSource {
public:
    PutBack(Bytes start, std::unique_ptr<data::ByteSource> rest)
        : start_(std::move(start)), rest_(std::move(rest)) {}
    Result<std::size_t> read(ByteSpan into) override {
        if (at_ == start_.size()) return rest_->read(into);
        auto const count = std::min(into.size(), start_.size() - at_);
        std::copy_n(start_.begin() + static_cast<std::ptrdiff_t>(at_), count, into.begin());
        at_ += count;
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    Bytes start_;
    std::size_t at_ = 0;
    std::unique_ptr<data::ByteSource> rest_;
};

Result<Bytes> look_at(data::ByteSource& source) {
    Bytes start(512);
    std::size_t have = 0;
    while (have < start.size()) {
        PD_TRY(auto const count, source.read(ByteSpan(start).subspan(have)));
        if (count == 0) break;
        have += count;
    }
    start.resize(have);
    return start;
}

Result<void> take_file(SetBuilder& builder, system::Path const& path, std::stop_token const& stop) {
    PD_TRY(auto start, first_bytes(path));
    PD_TRY(auto file, system::File::open_to_read(path));
    PD_TRY(auto const size, file.size_bytes());
    builder.packed_bytes(size);
    if (is_zip(start)) {
        builder.describe("zip", false);
        return take_zip(builder, file, stop);
    }
    bool const encrypted = looks_like_age(start);
    std::unique_ptr<data::ByteSource> source = std::make_unique<FileBytes>(std::move(file));
    if (encrypted) {
        PD_TRY(source, decrypt_age(std::move(source), builder.options().keys));
        PD_TRY(start, look_at(*source));
        source = std::make_unique<PutBack>(start, std::move(source));
    }
    if (!is_zip(start) && !is_gzip(start) && !is_tar(start) && !builder.options().salvage) {
        return fail(Fault::unsupported, "this is no tar, tar.gz or zip")
            .with_fix("an archive is a folder, a .tar.gz or a .zip, or one of these as .age");
    }
    return take_stream(builder, std::move(source), start, encrypted, stop);
}

}  // namespace

Result<FileSet> FileSet::open(system::Path const& path, OpenOptions const& options,
                              std::stop_token stop) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        return fail(Fault::not_found, fmt::format("there is no {}", path.string()))
            .with_fix("name a file or folder that perdure export wrote");
    }
    PD_TRY(auto builder, SetBuilder::create(options));
    if (std::filesystem::is_directory(path, ignored)) {
        builder.describe("folder", false);
        PD_CHECK(take_folder(builder, path, stop));
    } else {
        PD_CHECK(take_file(builder, path, stop));
    }
    return builder.take();
}

Result<system::File> FileSet::open_file(std::string const& name) const {
    auto const found = files_.find(name);
    if (found == files_.end() || !found->second.kept) {
        return fail(Fault::not_found, fmt::format("the archive holds no {}", name));
    }
    return system::File::open_to_read(folder_ / name);
}

Result<Bytes> FileSet::read(std::string const& name, std::uint64_t max_bytes) const {
    if (!has(name)) return fail(Fault::not_found, fmt::format("the archive holds no {}", name));
    auto bytes = system::read_file(folder_ / name, max_bytes);
    if (!bytes) return Error(std::move(bytes).error()).within(name);
    return bytes;
}

Result<crypto::Digest> FileSet::hash_of(std::string const& name) const {
    auto const found = files_.find(name);
    if (found == files_.end()) {
        return fail(Fault::not_found, fmt::format("the archive holds no {}", name));
    }
    if (found->second.hash) return *found->second.hash;
    PD_TRY(auto const file, open_file(name));
    crypto::Sha256 hash;
    Bytes part(256 << 10);
    while (true) {
        PD_TRY(auto const count, file.read(part));
        if (count == 0) return hash.finish();
        hash.update(ByteView(part).first(count));
    }
}

}  // namespace perdure::format
