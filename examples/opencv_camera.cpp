// Lays over what a camera sees why a network takes it for what it does. Escape ends it.
//
//     opencv_camera WEIGHTS           the first camera
//     opencv_camera WEIGHTS VIDEO     a file, or pictures of numbered names: frame_%04d.png

#include "networks/simple_cnn.hpp"

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/opencv.hpp>

#include <opencv2/highgui.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace hc = hookcam;

int main(int count, char** arguments) {
    if (count != 2 && count != 3) {
        std::cerr << "use it as: opencv_camera WEIGHTS [VIDEO]\n";
        return 1;
    }
    try {
        auto const model = hc::load<networks::simple_cnn>(arguments[1]);
        auto capture = count == 3 ? cv::VideoCapture{arguments[2]} : cv::VideoCapture{0};
        if (!capture.isOpened()) {
            std::cerr << "opencv_camera: there is no such camera or video\n";
            return 1;
        }
        hc::normalization const scale{.range = 255, .mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};

        auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{});
        cv::Mat small, heat;
        for (cv::Mat frame; capture.read(frame);) {
            cv::resize(frame, small, {32, 32}, 0, 0, cv::INTER_AREA);
            auto const& cam = look(hc::image_tensor<float>(small, scale));
            cv::resize(hc::to_mat(cam.heatmap), heat, frame.size());
            auto shown = hc::overlay(frame, heat);
            std::string const name{hc::cifar10_classes[cam.predicted[0]]};
            cv::putText(shown, name, {10, 30}, cv::FONT_HERSHEY_SIMPLEX, 1, {255, 255, 255}, 2);
            cv::imshow("hookcam", shown);
            if (cv::waitKey(1) == 27)
                break;
        }
    } catch (std::exception const& e) { // cv::Exception is one
        std::cerr << "opencv_camera: " << e.what() << '\n';
        return 1;
    }
}
