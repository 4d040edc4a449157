#pragma once

#include "format/archive/unpack/entry_name.h"
#include "format/archive/unpack/file_set.h"

namespace perdure::format {

/// Takes in files one after the other, within the limits, into the scratch folder of a FileSet.
class SetBuilder {
public:
    static Result<SetBuilder> create(OpenOptions const& options);

    /// Where the packed size is known, the ratio is watched.
    void packed_bytes(std::uint64_t bytes) { packed_ = bytes; }
    /// Fails: denied (the name), exhausted.
    Result<void> begin(std::string_view raw_name, std::uint64_t announced_bytes);
    Result<void> write(ByteView bytes);
    Result<void> end(bool damaged);
    /// A folder's name is checked like any other, and nothing is made.
    static Result<void> check_folder(std::string_view raw_name);
    /// A file that lies in the folder already, unread.
    Result<void> note(std::string const& name, std::uint64_t bytes);
    void damage(std::string what) { set_.damages_.push_back({std::move(what)}); }
    void set_folder(system::Path folder) { set_.folder_ = std::move(folder); }
    void describe(std::string container, bool encrypted);
    FileSet take() { return std::move(set_); }
    OpenOptions const& options() const { return *options_; }
    system::Path const& scratch() const { return set_.scratch_->path(); }

private:
    Result<void> admit(std::string const& name, std::uint64_t bytes);
    Result<void> spend(std::uint64_t bytes);

    OpenOptions const* options_ = nullptr;
    FileSet set_;
    NameCollisions names_;
    std::uint64_t packed_ = 0, unpacked_ = 0, on_disk_ = 0, checked_at_ = 0;
    std::string name_;
    FileSet::File file_;
    std::optional<system::File> out_;
    std::optional<crypto::Sha256> hash_;
};

/// One for each container; `source` is decrypted already.
Result<void> take_tar(SetBuilder& builder, data::ByteSource& source, std::stop_token const& stop);
Result<void> take_zip(SetBuilder& builder, system::File const& file, std::stop_token const& stop);
/// Reads on behind damaged gzip members and headers.
Result<void> salvage_tar(SetBuilder& builder, data::ByteSource& source,
                         std::stop_token const& stop);

}  // namespace perdure::format
