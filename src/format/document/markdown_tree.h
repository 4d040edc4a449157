#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/record.h"
#include "format/file_names.h"
#include "format/frames.h"

namespace perdure::format {

/// A folder of the vault: a project, a category in it, or where media of a collection lie.
struct MarkdownFolder {
    std::size_t parent = 0;
    std::string name;  ///< as people wrote it
    std::string path;  ///< safe and unique, "" is the root
    std::vector<std::size_t> children;
    std::uint64_t records = 0, records_below = 0;
    std::uint64_t first_entry = 0, last_entry = 0;  ///< of its records, in the spool of entries
};

/// A record's line in the table of contents.
struct MarkdownEntry {
    std::size_t folder = 0;
    std::string file;   ///< its path from the root
    std::string title;  ///< one line, not escaped
    std::string date;   ///< "2024-03-01", or empty
};

/// Gives folders, records and attachments their names, and remembers them: folders and 16 to 32
/// bytes a name in memory, everything else in spools, from which a resume rebuilds the rest.
class MarkdownTree {
public:
    static constexpr std::size_t root = 0, attachments = 1;

    /// A new tree (`resumed` false), or one whose spools hold what they held.
    enum class Start { anew, resumed };
    Result<void> open(OutputTree& tree, Start start);

    /// The folder `name` in `parent`, made when it is first asked for.
    Result<std::size_t> folder(std::size_t parent, std::string_view name);
    /// A name for a record's file; it is an entry from now on.
    Result<std::string> add_record(std::size_t folder, std::string_view title, std::string_view id,
                                   std::string_view date);
    /// Where the attachment of this source path went, or empty: it is not there yet.
    Result<std::string> attachment(std::string const& source_path);
    Result<std::string> add_attachment(std::size_t folder, std::string_view file_name,
                                       std::string const& source_path);

    std::vector<MarkdownFolder> const& folders() const { return folders_; }
    /// Calls `use(entry)` for every record of the folder, in the order they came.
    template <typename Use>
    Result<void> for_each_entry(std::size_t folder, Use use) {
        if (folders_[folder].records == 0) return {};
        FrameReader reader(*entries_, folders_[folder].first_entry);
        ByteView frame;
        while (true) {
            PD_TRY(bool const more, reader.next(frame));
            if (!more || reader.offset() > folders_[folder].last_entry) return {};
            PD_TRY(auto entry, decode_entry(frame));
            if (entry.folder == folder) PD_CHECK(use(entry));
        }
    }

private:
    static Result<MarkdownEntry> decode_entry(ByteView frame);
    Result<void> reopen();
    Result<void> put_names();
    void place(std::size_t parent, std::string name, std::string path);
    void count(std::size_t folder, std::uint64_t offset);

    std::vector<MarkdownFolder> folders_;
    std::map<std::pair<std::size_t, std::string>, std::size_t, std::less<>> by_name_;
    std::unordered_map<std::uint64_t, std::uint64_t> attachments_;  ///< path → frame
    FileNames names_;
    std::unique_ptr<Spool> folder_spool_, entries_, name_spool_, attachment_spool_;
};

}  // namespace perdure::format
