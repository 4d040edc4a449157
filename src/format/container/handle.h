#pragma once

#include <libdeflate.h>
#include <zlib.h>

#include <memory>

namespace perdure::format {

struct FreeCompressor {
    void operator()(libdeflate_compressor* compressor) const {
        libdeflate_free_compressor(compressor);
    }
};
using Compressor = std::unique_ptr<libdeflate_compressor, FreeCompressor>;

struct EndDeflate {
    void operator()(z_stream* stream) const {
        deflateEnd(stream);
        delete stream;
    }
};
using DeflateStream = std::unique_ptr<z_stream, EndDeflate>;

}  // namespace perdure::format
