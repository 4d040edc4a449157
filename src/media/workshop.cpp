#include "media/workshop.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/bytes/memory_content.h"
#include "media/film.h"
#include "media/iso_media.h"
#include "media/workers.h"

namespace perdure::media {

namespace {

constexpr std::size_t read_bytes = 256 << 10;

/// Front of a file, and the way to the rest of it.
struct Opened {
    std::unique_ptr<data::ByteSource> source;
    Bytes front;
    bool ended = false;
    FileType type;
};

Result<Opened> open_and_sniff(data::Content& content, std::stop_token stop) {
    Opened opened;
    PD_TRY(opened.source, content.open(stop));
    opened.front.resize(read_bytes);
    std::size_t size = 0;
    while (size < opened.front.size()) {
        PD_TRY(std::size_t const got, opened.source->read(ByteSpan(opened.front).subspan(size)));
        if (got == 0) {
            opened.ended = true;
            break;
        }
        size += got;
    }
    opened.front.resize(size);
    opened.type = sniff(ByteView(opened.front).first(std::min(size, sniff_bytes)));
    return opened;
}

struct Spilled {
    system::File file;
    std::uint64_t size_bytes = 0;
};

/// The whole file, in memory that a worker can be handed.
Result<Spilled> spill(Opened& opened, std::uint64_t max_bytes, std::stop_token stop) {
    Spilled out;
    PD_TRY(out.file, system::memory_file(opened.front));
    out.size_bytes = opened.front.size();
    Bytes buffer(opened.ended ? 0 : read_bytes);
    while (!opened.ended) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped while reading a picture");
        if (out.size_bytes > max_bytes) {
            return fail(
                Fault::exhausted,
                fmt::format("a picture larger than {} MiB is not looked at", max_bytes >> 20));
        }
        PD_TRY(std::size_t const got, opened.source->read(buffer));
        opened.ended = got == 0;
        PD_CHECK(system::append_to_memory_file(out.file, ByteView(buffer).first(got)));
        out.size_bytes += got;
    }
    return out;
}

Facts plain_facts(FileType const& type) {
    return {.media_type = std::string(type.media_type),
            .extension = std::string(type.extension),
            .kind = type.kind};
}

bool is_iso(FileType const& type) {
    constexpr std::string_view types[] = {"video/mp4", "video/quicktime", "video/3gpp",
                                          "audio/mp4"};
    return std::ranges::find(types, type.media_type) != std::end(types);
}

Result<Facts> inspect_iso(Opened& opened, std::stop_token stop) {
    auto facts = plain_facts(opened.type);
    IsoScan scan;
    scan.feed(opened.front);
    Bytes buffer(read_bytes);
    while (!opened.ended && !scan.done()) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped while reading a film");
        PD_TRY(std::size_t const got, opened.source->read(buffer));
        opened.ended = got == 0;
        scan.feed(ByteView(buffer).first(got));
    }
    auto const found = scan.facts();
    facts.width = found.width;
    facts.height = found.height;
    facts.taken = found.taken;
    facts.located = found.located;
    return facts;
}

}  // namespace

struct Workshop::State {
    WorkshopOptions options;
    Workers workers{options};
};

Workshop::Workshop(WorkshopOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Workshop::~Workshop() = default;

Result<Facts> Workshop::inspect(data::Content& content, std::stop_token stop) {
    PD_TRY(auto opened, open_and_sniff(content, stop));
    if (is_iso(opened.type)) return inspect_iso(opened, stop);
    auto facts = plain_facts(opened.type);
    if (opened.ended) facts.size_bytes = opened.front.size();
    if (facts.kind != Kind::picture) return facts;
    PD_TRY(auto const file, spill(opened, state_->options.limits.picture_bytes_max, stop));
    Task task{
        .what = Task::What::inspect, .media_type = facts.media_type, .size_bytes = file.size_bytes};
    PD_TRY(auto const answer, state_->workers.ask(task, file.file, stop));
    auto const plain = std::move(facts);
    facts = answer.facts;
    facts.media_type = plain.media_type;
    facts.extension = plain.extension;
    facts.kind = plain.kind;
    facts.size_bytes = file.size_bytes;
    return facts;
}

Result<Preview> Workshop::preview(data::Content& content, unsigned edge_pixels,
                                  std::stop_token stop) {
    PD_TRY(auto opened, open_and_sniff(content, stop));
    Spilled file;
    if (opened.type.kind == Kind::film) {
        PD_TRY(Bytes const frame,
               film_frame(content, plain_facts(opened.type), state_->options, stop));
        PD_TRY(file.file, system::memory_file(frame));
        file.size_bytes = frame.size();
    } else if (opened.type.kind == Kind::picture) {
        PD_TRY(file, spill(opened, state_->options.limits.picture_bytes_max, stop));
    } else {
        return fail(Fault::unsupported, fmt::format("{} is no picture", opened.type.media_type));
    }
    Task task{.what = Task::What::preview,
              .media_type = std::string(opened.type.media_type),
              .size_bytes = file.size_bytes,
              .edge = std::max(edge_pixels, 1U)};
    PD_TRY(auto answer, state_->workers.ask(task, file.file, stop));
    return Preview{.bytes = std::move(answer.bytes),
                   .media_type = answer.facts.media_type,
                   .width = answer.facts.width,
                   .height = answer.facts.height};
}

namespace {

/// Whether ffmpeg has something to do for this file.
bool film_changes(Facts const& facts, Wanted const& wanted) {
    if (wanted.strip == Strip::everything) return true;
    if (wanted.strip == Strip::location) {
        // Other containers than ISO's are not looked into: their location goes unseen.
        if (facts.kind == Kind::film || facts.located) return true;
    }
    if (facts.kind == Kind::sound) {
        return (wanted.sound == SoundFormat::mp3 && facts.media_type != "audio/mpeg") ||
               (wanted.sound == SoundFormat::opus && facts.extension != "opus") ||
               (wanted.sound == SoundFormat::m4a && facts.media_type != "audio/mp4");
    }
    return (wanted.film == FilmFormat::mp4 && facts.media_type != "video/mp4") ||
           (wanted.film == FilmFormat::webm && facts.media_type != "video/webm");
}

}  // namespace

Result<Outcome> Workshop::convert(std::shared_ptr<data::Content> content, Wanted const& wanted,
                                  std::stop_token stop) {
    PD_TRY(auto opened, open_and_sniff(*content, stop));
    Outcome outcome{.content = content};
    auto const kind = opened.type.kind;
    if (!wanted.changes_anything()) {
        // What cannot be looked at can still leave as it is.
        auto seen = inspect(*content, stop);
        bool const could_not_look = !seen && (seen.error().fault() == Fault::exhausted ||
                                              seen.error().fault() == Fault::corrupt ||
                                              seen.error().fault() == Fault::unsupported);
        if (!seen && !could_not_look) return Error(std::move(seen).error());
        outcome.facts = seen ? std::move(*seen) : plain_facts(opened.type);
        return outcome;
    }
    if (kind != Kind::picture) {
        PD_TRY(outcome.facts, inspect(*content, stop));
        bool const is_film = kind == Kind::film || kind == Kind::sound;
        if (!is_film || !film_changes(outcome.facts, wanted)) return outcome;
        return convert_film(*content, outcome.facts, wanted, state_->options, stop);
    }
    PD_TRY(auto const file, spill(opened, state_->options.limits.picture_bytes_max, stop));
    Task task{.what = Task::What::convert,
              .media_type = std::string(opened.type.media_type),
              .size_bytes = file.size_bytes,
              .wanted = wanted};
    PD_TRY(auto answer, state_->workers.ask(task, file.file, stop));
    if (answer.bytes.empty()) {
        PD_TRY(outcome.facts, inspect(*content, stop));
        return outcome;
    }
    outcome.facts = std::move(answer.facts);
    if (auto const* type = find_type(outcome.facts.media_type)) {
        outcome.facts.extension = type->extension;
        outcome.facts.kind = type->kind;
    }
    outcome.facts.size_bytes = answer.bytes.size();
    outcome.content = std::make_shared<data::MemoryContent>(std::move(answer.bytes));
    outcome.original = false;
    return outcome;
}

}  // namespace perdure::media
