#include "media/film.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "system/process.h"

namespace perdure::media {

namespace {

/// The demuxer for a media type: the only one ffmpeg may use.
struct Demuxer {
    std::string_view media_type, name;
};
constexpr Demuxer demuxers[] = {
    {"video/mp4", "mov"},
    {"video/quicktime", "mov"},
    {"video/3gpp", "mov"},
    {"audio/mp4", "mov"},
    {"video/x-matroska", "matroska"},
    {"video/webm", "matroska"},
    {"video/x-msvideo", "avi"},
    {"video/mpeg", "mpeg"},
    {"video/x-flv", "flv"},
    {"video/x-ms-asf", "asf"},
    {"audio/mpeg", "mp3"},
    {"audio/flac", "flac"},
    {"audio/ogg", "ogg"},
    {"video/ogg", "ogg"},
    {"audio/wav", "wav"},
    {"audio/aiff", "aiff"},
    {"audio/aac", "aac"},
    {"audio/amr", "amr"},
    {"audio/x-wavpack", "wv"},
    {"audio/x-ape", "ape"},
    {"audio/x-dsf", "dsf"},
};

/// A file below a scratch folder that lives as long as somebody may still read it.
class ScratchContent : public data::Content {
public:
    ScratchContent(system::ScratchFolder folder, system::Path path)
        : folder_(std::move(folder)), path_(std::move(path)) {}

    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        PD_TRY(auto file, system::File::open_to_read(path_));
        return std::make_unique<Source>(std::move(file));
    }

private:
    class Source : public data::ByteSource {
    public:
        explicit Source(system::File file) : file_(std::move(file)) {}
        Result<std::size_t> read(ByteSpan into) override { return file_.read(into); }
        Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

    private:
        system::File file_;
    };
    system::ScratchFolder folder_;
    system::Path path_;
};

Result<void> copy_out(data::Content& content, system::Path const& path, std::stop_token stop) {
    PD_TRY(auto source, content.open(stop));
    PD_TRY(auto file, system::File::create(path));
    Bytes buffer(256 << 10);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped while copying a film");
        PD_TRY(std::size_t const got, source->read(buffer));
        if (got == 0) return file.close();
        PD_CHECK(file.write(ByteView(buffer).first(got)));
    }
}

/// Ends a child that is stopped by its user, or that takes too long.
class Patience {
public:
    Patience(std::stop_token outer, std::chrono::seconds patience)
        : on_outer_(std::move(outer), [this] { source_.request_stop(); }),
          timer_([this, patience](std::stop_token over) {
              std::mutex mutex;
              std::unique_lock lock(mutex);
              std::condition_variable_any bell;
              bell.wait_for(lock, over, patience, [] { return false; });
              if (over.stop_requested()) return;
              passed_ = true;
              source_.request_stop();
          }) {}
    std::stop_token token() const { return source_.get_token(); }
    bool passed() const { return passed_; }

private:
    std::stop_source source_;
    std::atomic<bool> passed_ = false;
    std::stop_callback<std::function<void()>> on_outer_;
    std::jthread timer_;
};

Result<void> run_ffmpeg(std::vector<std::string> argv, WorkshopOptions const& options,
                        std::stop_token stop) {
    auto const& limits = options.limits;
    std::vector<std::string> all = {"prlimit",
                                    fmt::format("--data={}", limits.memory_bytes),
                                    fmt::format("--cpu={}", 2 * limits.film_patience.count()),
                                    "--core=0",
                                    "ffmpeg",
                                    "-hide_banner",
                                    "-nostdin",
                                    "-loglevel",
                                    "error",
                                    "-threads",
                                    "2"};
    all.insert(all.end(), argv.begin(), argv.end());
    Patience patience(stop, limits.film_patience);
    auto ended = system::run({.argv = std::move(all)}, nullptr, patience.token());
    if (patience.passed()) return fail(Fault::exhausted, "ffmpeg took too long");
    if (!ended) return ended.error();
    if (ended->status == 0) return {};
    if (ended->status == 127 || ended->standard_error.starts_with("prlimit: failed to execute")) {
        return fail(Fault::unsupported, "films and sounds need ffmpeg, which is not installed")
            .with_fix("apt-get install ffmpeg");
    }
    auto said = ended->standard_error.substr(0, 300);
    std::ranges::replace(said, '\n', ' ');
    return fail(Fault::corrupt, "ffmpeg could not read it: " + said);
}

Result<std::vector<std::string>> input_arguments(Facts const& facts, system::Path const& file) {
    auto const found = std::ranges::find(demuxers, facts.media_type, &Demuxer::media_type);
    if (found == std::end(demuxers)) {
        return fail(Fault::unsupported, fmt::format("{} cannot be converted", facts.media_type));
    }
    // Only this file, only this format: a playlist in disguise opens nothing.
    return std::vector<std::string>{"-protocol_whitelist",    "file,pipe", "-f",
                                    std::string(found->name), "-i",        "file:" + file.string()};
}

struct Form {
    std::string_view media_type, extension;
    std::vector<std::string> arguments;
};

Result<Form> output_form(Facts const& facts, Wanted const& wanted) {
    bool const film = facts.kind == Kind::film;
    if (film && wanted.film == FilmFormat::mp4) {
        return Form{
            "video/mp4",
            "mp4",
            {"-map", "0:v:0", "-map", "0:a?", "-c:v", "libx264", "-preset", "veryfast", "-crf",
             "23", "-pix_fmt", "yuv420p", "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-c:a", "aac",
             "-movflags", "+faststart"}};
    }
    if (film && wanted.film == FilmFormat::webm) {
        return Form{"video/webm",
                    "webm",
                    {"-map", "0:v:0", "-map", "0:a?", "-c:v", "libvpx-vp9", "-crf", "34", "-b:v",
                     "0", "-deadline", "realtime", "-cpu-used", "5", "-c:a", "libopus"}};
    }
    if (!film && wanted.sound == SoundFormat::mp3) {
        return Form{"audio/mpeg", "mp3", {"-map", "0:a:0", "-c:a", "libmp3lame", "-q:a", "2"}};
    }
    if (!film && wanted.sound == SoundFormat::opus) {
        return Form{"audio/ogg", "opus", {"-map", "0:a:0", "-c:a", "libopus", "-b:a", "96k"}};
    }
    if (!film && wanted.sound == SoundFormat::m4a) {
        return Form{"audio/mp4", "m4a", {"-map", "0:a:0", "-c:a", "aac", "-b:a", "160k"}};
    }
    // Only metadata go: the streams are copied as they are.
    return Form{facts.media_type, facts.extension, {"-map", "0", "-c", "copy"}};
}

void append_metadata_arguments(std::vector<std::string>& argv, Strip strip) {
    if (strip == Strip::everything) {
        argv.insert(argv.end(), {"-map_metadata", "-1", "-map_chapters", "-1"});
    } else if (strip == Strip::location) {
        for (auto const* key : {"location", "location-eng", "com.apple.quicktime.location.ISO6709",
                                "com.apple.quicktime.location.accuracy.horizontal"}) {
            argv.insert(argv.end(), {"-metadata", std::string(key) + "="});
        }
    }
    argv.insert(argv.end(),
                {"-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"});
}

}  // namespace

Result<Outcome> convert_film(data::Content& content, Facts const& facts, Wanted const& wanted,
                             WorkshopOptions const& options, std::stop_token stop) {
    PD_TRY(auto form, output_form(facts, wanted));
    PD_TRY(auto folder, system::ScratchFolder::create(options.scratch_parent));
    auto const in = folder.path() / "in";
    auto const out = folder.path() / fmt::format("out.{}", form.extension);
    PD_TRY(auto argv, input_arguments(facts, in));
    PD_CHECK(copy_out(content, in, stop));
    argv.insert(argv.end(), form.arguments.begin(), form.arguments.end());
    append_metadata_arguments(argv, wanted.strip);
    argv.push_back("file:" + out.string());
    PD_CHECK(run_ffmpeg(std::move(argv), options, stop));
    PD_CHECK(system::remove_file(in));
    Outcome outcome{.original = false};
    outcome.facts.media_type = form.media_type;
    outcome.facts.extension = form.extension;
    outcome.facts.kind = facts.kind;
    PD_TRY(auto const made, system::File::open_to_read(out));
    PD_TRY(outcome.facts.size_bytes, made.size_bytes());
    outcome.content = std::make_shared<ScratchContent>(std::move(folder), out);
    return outcome;
}

Result<Bytes> film_frame(data::Content& content, Facts const& facts, WorkshopOptions const& options,
                         std::stop_token stop) {
    PD_TRY(auto folder, system::ScratchFolder::create(options.scratch_parent));
    auto const in = folder.path() / "in", out = folder.path() / "frame.png";
    PD_TRY(auto argv, input_arguments(facts, in));
    PD_CHECK(copy_out(content, in, stop));
    // The first frame is often black: the most telling of the first hundred.
    for (auto const* word : {"-map", "0:v:0", "-vf", "thumbnail=100", "-frames:v", "1"}) {
        argv.emplace_back(word);
    }
    argv.push_back("file:" + out.string());
    PD_CHECK(run_ffmpeg(std::move(argv), options, stop));
    return system::read_file(out, options.limits.picture_bytes_max);
}

}  // namespace perdure::media
