#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "data/record.h"
#include "format/format.h"

namespace perdure::format::testing {

/// A record that owns what it shows.
struct OwnedRecord {
    std::string type, table, id;
    std::vector<std::pair<std::string, data::Value>> fields;
    std::string title, body, body_format, project, category, collection, subject, subject_label;
    std::optional<Timestamp> created, updated;
    std::vector<std::string> tags;
    std::vector<data::MediaRef> media;
    std::string model;
    std::optional<Bytes> vector;

    /// Valid as long as this is.
    data::Record view() const;
};

struct HostileExport {
    ExportInfo info;
    std::deque<OwnedRecord> records;  ///< by type, in the order of info.types
    std::map<std::string, std::string> media;
};

/// Numbers at their limits, NUL, bytes that are no UTF-8, titles and types that differ by case or
/// composition only, names that climb out of a folder, YAML's and spreadsheets' traps, a thousand
/// tags: few records, small.
HostileExport hostile_few();
/// Those, and: every Unicode scalar value, the big list of naughty strings where
/// `PERDURE_DATA`/hostile/blns is, a body of 10 MB.
HostileExport hostile_all();
/// Types without a record, or no type at all.
HostileExport hostile_none(bool with_types);

/// Media that lies in a HostileExport.
class HostileMedia : public MediaLibrary {
public:
    explicit HostileMedia(HostileExport const& from) : from_(from) {}
    Result<MediaFile> open(data::MediaRef const& media, std::stop_token stop) override;
    Result<Preview> preview(data::MediaRef const& media, unsigned edge_pixels,
                            std::stop_token stop) override;

private:
    HostileExport const& from_;
};

}  // namespace perdure::format::testing
