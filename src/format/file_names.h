#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::format {

/// Unicode Normalization Form C; ill-formed parts become U+FFFD.
std::string to_nfc(std::string_view text);

/// Gives every file a name that no other file of the output has, whatever the case and the
/// normalization that a file system cares about. Remembers 64-bit hashes, 16 to 32 bytes a name.
/// The same calls in the same order give the same names. Threads: one.
class FileNames {
public:
    /// `folder`/`stem``extension`, made safe (NFC, no DOS name, at most 120 bytes), and told apart
    /// by `mark` in brackets ("Title (17).md"), then by a number, where it was given already.
    /// `folder` is "" or a path that was made safe before.
    std::string unique(std::string_view folder, std::string_view stem, std::string_view extension,
                       std::string_view mark);
    /// What must be remembered for a resume: the hashes since the last call.
    std::vector<std::uint64_t> take_fresh();
    void remember(std::uint64_t hash);

private:
    bool insert(std::uint64_t hash);
    void grow();

    std::vector<std::uint64_t> slots_;  ///< open addressing; 0 is free
    std::size_t used_ = 0;
    std::vector<std::uint64_t> fresh_;
};

/// A folder of that name for each of `names`, in their order: safe, unique, with `extension`.
std::vector<std::string> safe_unique_names(std::vector<std::string> const& names,
                                           std::string_view extension);

}  // namespace perdure::format
