#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <vector>

#include "system/file.h"
#include "system/step.h"

namespace perdure::system::testing {

/// A disk that loses what was not synced. Tests only, header only.
///
/// While it lives it watches every step below `root` (through the step hook: one at a time). From
/// step crash_at(n) on the power is off: that step and all later ones fail and change nothing.
/// power_cycle(seed) then leaves on the real disk what such a crash may leave:
///   - names: creations, renames, links and removals after the last sync of their folder are lost
///     from a random one on (file systems keep the order of names, not how far they got);
///   - bytes: of a file that was written after its last sync, the old bytes, a part of the new
///   ones,
///     or the new ones with zeroed sectors.
/// What was synced stays. Use: run the code under test until disk.crashed(), call power_cycle, open
/// everything anew, and check that whatever was reported as done is there.
/// Threads: steps from any; crash_at and power_cycle while nobody steps.
class LossyDisk {
public:
    explicit LossyDisk(Path root) : root_(std::move(root)) {
        set_step_hook([this](Step step, std::string_view path) { return watch(step, path); });
    }
    ~LossyDisk() { set_step_hook(nullptr); }
    LossyDisk(LossyDisk const&) = delete;
    LossyDisk& operator=(LossyDisk const&) = delete;

    /// The n-th step from now (from 1) fails, and all after it. 0: never.
    void crash_at(std::uint64_t n) {
        steps_ = 0;
        crash_at_ = n;
        crashed_ = false;
    }
    std::uint64_t steps() const { return steps_; }
    bool crashed() const { return crashed_; }
    void power_cycle(std::uint64_t seed);

private:
    using Inode = std::pair<dev_t, ino_t>;
    struct Change {
        Step step = Step::create;
        Path folder;  ///< whose sync makes it last
        Path path, from;
        bool replaced = false;  ///< something was there before: `before`
        Bytes before;
        bool was_folder = false;
    };

    static bool inode_of(Path const& path, Inode& inode) {
        struct stat status{};
        if (::lstat(path.c_str(), &status) != 0) return false;
        inode = {status.st_dev, status.st_ino};
        return true;
    }
    static Bytes content_of(Path const& path) {
        std::ifstream in(path, std::ios::binary);
        std::string const text((std::istreambuf_iterator<char>(in)), {});
        return to_bytes(text);
    }
    static void put_content(Path const& path, ByteView bytes) {
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<char const*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
    }

    Result<void> watch(Step step, std::string_view text) {
        std::lock_guard const lock(mutex_);
        if (!text.starts_with(root_.native())) return {};
        ++steps_;
        if (crash_at_ != 0 && steps_ >= crash_at_) {
            crashed_ = true;
            return fail(Fault::unavailable, "the power is off");
        }
        auto const nul = text.find('\0');
        Path const first(text.substr(0, nul));
        Path const second(nul == std::string_view::npos ? "" : text.substr(nul + 1));
        note(step, first, second);
        return {};
    }

    void note(Step step, Path const& first, Path const& second) {
        switch (step) {
            case Step::write:
                dirty(first);
                return;
            case Step::sync:
                clean(first);
                return;
            case Step::sync_folder:
                std::erase_if(changes_, [&](Change const& one) { return one.folder == first; });
                return;
            case Step::rename:
            case Step::link:
                change(step, second, first);
                return;
            case Step::create:
            case Step::remove:
            case Step::make_folder:
                change(step, first, {});
                return;
            case Step::set_metadata:
                return;
        }
    }

    void dirty(Path const& path) {
        Inode inode;
        if (inode_of(path, inode)) dirty_.try_emplace(inode, content_of(path));
    }
    void clean(Path const& path) {
        Inode inode;
        if (inode_of(path, inode)) dirty_.erase(inode);
    }
    void change(Step step, Path const& path, Path const& from) {
        Change one{.step = step, .folder = path.parent_path(), .path = path, .from = from};
        std::error_code error;
        one.was_folder = std::filesystem::is_directory(path, error);
        one.replaced = std::filesystem::exists(path, error);
        if (one.replaced && !one.was_folder) one.before = content_of(path);
        changes_.push_back(std::move(one));
    }

    static void undo(Change const& one) {
        std::error_code error;
        if (one.step == Step::remove) {
            if (one.was_folder) std::filesystem::create_directories(one.path, error);
            if (one.replaced && !one.was_folder) put_content(one.path, one.before);
            return;
        }
        // A step that was announced may have failed: then there is nothing to undo.
        if (one.step == Step::rename) {
            if (std::filesystem::exists(one.from, error)) return;
            std::filesystem::create_directories(one.from.parent_path(), error);
            std::filesystem::rename(one.path, one.from, error);
            if (one.replaced) put_content(one.path, one.before);
        } else if (!one.replaced) {
            std::filesystem::remove_all(one.path, error);
        }
    }

    static Bytes spoiled(Bytes const& before, Bytes now, std::mt19937_64& random) {
        constexpr std::size_t sector_bytes = 512;
        switch (random() % 4) {
            case 0:
                return before;
            case 1:
                return now;
            case 2:
                now.resize(random() % (now.size() + 1));
                return now;
            default:
                break;
        }
        for (std::size_t at = 0; at < now.size(); at += sector_bytes) {
            if (random() % 2 == 0) continue;
            auto const begin = now.begin() + static_cast<std::ptrdiff_t>(at);
            std::fill_n(begin, std::min(sector_bytes, now.size() - at), std::byte{0});
        }
        return now;
    }

    Path root_;
    std::mutex mutex_;
    std::uint64_t steps_ = 0, crash_at_ = 0;
    bool crashed_ = false;
    std::vector<Change> changes_;
    std::map<Inode, Bytes> dirty_;  ///< written since their last sync → their bytes at that time
};

/// A scratch folder in memory where there is one: syncing costs nothing there.
inline Result<ScratchFolder> create_fast_scratch() {
    if (::access("/dev/shm", W_OK) == 0) return ScratchFolder::create("/dev/shm");
    return ScratchFolder::create();
}

inline void LossyDisk::power_cycle(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::error_code error;
    // Bytes first, while every file still bears the name it has now.
    for (auto const& item : std::filesystem::recursive_directory_iterator(root_, error)) {
        Inode inode;
        if (!item.is_regular_file(error) || !inode_of(item.path(), inode)) continue;
        auto const found = dirty_.find(inode);
        if (found == dirty_.end()) continue;
        put_content(item.path(), spoiled(found->second, content_of(item.path()), random));
    }
    std::size_t const kept = changes_.empty() ? 0 : random() % (changes_.size() + 1);
    while (changes_.size() > kept) {
        undo(changes_.back());
        changes_.pop_back();
    }
    changes_.clear();
    dirty_.clear();
    crash_at(0);
}

}  // namespace perdure::system::testing
