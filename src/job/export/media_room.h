#pragma once

#include <memory>
#include <string>
#include <vector>

#include "job/export_records.h"

namespace perdure::job {

/// The media of one export as they leave. Threads: open and preview from any.
class MediaRoom : public format::MediaLibrary {
public:
    /// The record as it leaves; valid until the next call.
    virtual data::Record const* prepare(data::Record const* record) = 0;
};

std::unique_ptr<MediaRoom> open_media_room(MediaRequest const& request, data::RecordReader& reader);

/// What happens to media, one a line, for people and manifests; empty: they leave as they are.
std::vector<std::string> media_words(MediaRequest const& request);

}  // namespace perdure::job
