#pragma once

#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "data/stream.h"
#include "origin/merge/files/look_beneath.h"

namespace perdure::origin {

/// A content of which the first bytes are known already.
class Peeked final : public data::ByteSource {
public:
    explicit Peeked(data::ByteSource& rest) : rest_(rest) {}
    /// Before anything is read.
    Result<bool> is_log();
    Result<std::size_t> read(ByteSpan into) override;
    Result<data::Entry> entry_after_reading() override { return rest_.entry_after_reading(); }

private:
    data::ByteSource& rest_;
    Bytes head_;
    std::size_t at_ = 0;
};

/// By its size, which is a multiple of that of its pages.
bool may_be_database(data::Entry const& entry);

/// SQLite asks not whose log lies beside a database: it plays it back into it, which is then the
/// old one, or broken. So a restore puts none beside a database which is not, and does not become,
/// the snapshot's; logs wait until everything else is judged. And what is there with a log that
/// something is in, as a crash leaves it, stays.
/// Threads: any, until note_all_judged().
class DatabaseLogs {
public:
    /// `careful` false: of an undo, which brings back both as they were.
    DatabaseLogs(int root, bool careful) : root_(root), careful_(careful) {}

    /// Why nothing can take the place of what was seen there, its log apart and with it.
    std::string why_fixed(std::string const& path, Seen const& seen) const;
    /// Why nothing can take the place of this file of a database, or of a database that is not
    /// there: a log lies beside it. Empty: something can.
    std::string why_beside(std::string const& path) const;
    /// A log by its name, beside whose place a file stands that may be its database.
    bool lies_beside(std::string const& path) const;
    /// The same, by its first bytes: other files may have such names, too.
    Result<bool> is_one(std::string const& path, Peeked& content) const;
    /// Whether it is to be fed once more, after all others.
    bool waits(std::string const& path) const { return !all_judged_ && lies_beside(path); }
    /// A file that is the snapshot's, or becomes it: by the plan, and by what the person decided.
    void note(std::string const& path, data::Entry const& entry, bool planned, bool holds);
    void note_all_judged() { all_judged_ = true; }
    /// The file beside it is another than the snapshot's then, or (where the log was not to wait)
    /// may be.
    bool is_of_another(std::string const& path) const { return !is_noted(path, planned_); }
    /// It would be the snapshot's, had the person not decided that it stays another.
    bool follows_declined(std::string const& path) const {
        return lies_beside(path) && is_noted(path, planned_) && !is_noted(path, holding_);
    }

    /// Takes what is to be fed once more: logs by themselves, when nothing else is left.
    std::vector<std::string> take_others_first(std::vector<std::string>& alone) const;

    static constexpr std::string_view why =
        "it is the log of a SQLite database that stays as it is, into which it would be played "
        "back: choose both by --merge-strategy overwrite, or --to DIR";

private:
    /// Hashes of the few whose size is that of a database.
    using Files = std::unordered_set<std::size_t>;
    bool is_noted(std::string const& path, Files const& files) const;

    int root_;
    bool careful_;
    bool all_judged_ = false;
    mutable std::mutex mutex_;
    Files planned_, holding_;
};

}  // namespace perdure::origin
