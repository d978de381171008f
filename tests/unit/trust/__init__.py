"""Claims as values, and their checks against small servers, trees and catalogues that hold a planted violation."""
